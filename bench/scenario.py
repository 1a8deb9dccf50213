"""What a scenario is: a world, a load, and the figures read from what was counted."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from bench import generator
from bench.generator import Connection, Counted, Load
from bench.servers import Running, Server
from bench.worlds import World

Numbers = dict[str, float]


@dataclass(frozen=True)
class Figure:
    """One column of the table."""

    name: str
    unit: str
    more_is_better: bool = True


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One measurement, and which servers can take part in it."""

    name: str
    title: str
    figures: tuple[Figure, ...]
    world: World
    load: Load
    connect: Callable[[Running], list[Connection]]
    read: Callable[[Running, Counted], Numbers]
    takes_part: Callable[[Server], bool]
    # Instead of one run of the generator.
    measure: Callable[["Scenario", Running], tuple[Counted, Numbers]] | None = None
    dialect: str | None = None
    main: bool = False
    # The database is only read: it is made once, kept, and shared by the runs.
    keeps_world: bool = False

    def run(self, running: Running) -> tuple[Counted, Numbers]:
        """Measure a server that has just been started."""
        if self.measure is not None:
            return self.measure(self, running)
        counted = generator.run(
            self.dialect or running.server.dialect,
            running.port,
            running.pid,
            self.load,
            self.connect(running),
        )
        return counted, self.read(running, counted)

    def hold(self, running: Running) -> AbstractContextManager[list[Counted]]:
        """The same connections, open and idle."""
        where = (self.dialect or running.server.dialect, running.port, running.pid)
        return generator.held(*where, self.load, self.connect(running))
