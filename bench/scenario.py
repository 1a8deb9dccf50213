"""A scenario: a dataset, a load, and the figures computed from the generator's counts."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from bench import generator
from bench.dataset import Dataset
from bench.generator import Connection, Load, LoadResult
from bench.servers import RunningServer, Server

Numbers = dict[str, float]


@dataclass(frozen=True)
class Figure:
    """One column of the table."""

    name: str
    unit: str
    more_is_better: bool = True


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One measurement, and the servers that take part in it."""

    name: str
    title: str
    figures: tuple[Figure, ...]
    dataset: Dataset
    load: Load
    connect: Callable[[RunningServer], list[Connection]]
    read: Callable[[RunningServer, LoadResult], Numbers]
    takes_part: Callable[[Server], bool]
    # Replaces the single run of the generator.
    measure: Callable[["Scenario", RunningServer], tuple[LoadResult, Numbers]] | None = None
    dialect: str | None = None
    main: bool = False
    # The database is only read: it is created once, kept, and shared by the runs.
    reuses_database: bool = False

    def run(self, running: RunningServer) -> tuple[LoadResult, Numbers]:
        """Measure a freshly started server."""
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

    def hold(self, running: RunningServer) -> AbstractContextManager[list[LoadResult]]:
        """Hold the scenario's connections open and idle."""
        where = (self.dialect or running.server.dialect, running.port, running.pid)
        return generator.hold_open(*where, self.load, self.connect(running))
