"""Runs the load generator: compiled on first use, on a core of its own."""

import json
import secrets
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.machine import LOAD_CORE, on_core

BUILD = Path(__file__).parent / ".build"
_SOURCES = Path(__file__).parent / "load"

# Added to the generator's own limit, after which it reports what it has.
_GRACE_SECONDS = 20


class LoadFailed(Exception):
    """The generator could not be built, or ended without a result."""


@dataclass(frozen=True, kw_only=True)
class Connection:
    """One socket that the generator opens."""

    target: str
    room: int = 0
    argument: str = "-"
    sends: bool = False
    checked: bool = False
    stalled: bool = False

    def line(self) -> str:
        flags = "s" * self.sends + "c" * self.checked + "x" * self.stalled
        return f"{self.room} {flags or '-'} {self.target} {self.argument}\n"


@dataclass(frozen=True, kw_only=True)
class Load:
    """What the generator does with the connections. ``load/load.h`` explains each option."""

    mode: str
    inflight: int = 1
    opening: int = 64
    total: int = 0
    replay: int = 0
    rate: float = 200
    warmup: float = 0.7
    seconds: float = 3
    drain: float = 8
    limit: float = 40
    keep: bool = False

    def options(self) -> list[str]:
        named = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return [f"{name}={int(v) if isinstance(v, bool) else v}" for name, v in named.items()]


@dataclass(frozen=True)
class LoadResult:
    """What the generator counted, and whether the run is valid."""

    numbers: dict[str, Any] = field(default_factory=dict)

    def faults(self, *, ordered: bool) -> list[str]:
        """
        Reasons why the run is void; empty if it is valid.

        Args:
            ordered: Whether the server promises all clients the same order.

        """
        found = []
        if self.numbers["missing"]:
            found.append(f"{self.numbers['missing']:.0f} deliveries are missing.")
        if self.numbers["unacknowledged"]:
            found.append(f"{self.numbers['unacknowledged']:.0f} messages were never acknowledged.")
        if self.numbers["faults"]:
            found.append(f"{self.numbers['faults']:.0f} faults: {self.numbers['fault']}")
        if ordered and self.numbers["order_faults"]:
            found.append(f"{self.numbers['order_faults']:.0f} messages arrived out of order.")
        return found


def build() -> Path:
    """
    Compile the generator if its sources are newer; returns the program's path.

    Raises:
        LoadFailed: If there is no C compiler, or compilation fails.

    """
    program = BUILD / "load"
    sources = sorted(_SOURCES.glob("*.c"))
    newest = max(path.stat().st_mtime for path in _SOURCES.iterdir())
    if program.exists() and program.stat().st_mtime > newest:
        return program
    compiler = shutil.which("cc")
    if compiler is None:
        raise LoadFailed("The load generator is a C program and needs a C compiler (cc).")
    BUILD.mkdir(exist_ok=True)
    command = [compiler, "-O2", "-Wall", "-Wextra", "-std=c11", "-o", str(program)]
    done = subprocess.run(
        [*command, *map(str, sources)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise LoadFailed(done.stderr)
    return program


def run(
    dialect: str, port: int, pid: int, load: Load, connections: Sequence[Connection]
) -> LoadResult:
    """
    Run the generator with ``load``, and return its counts.

    Raises:
        LoadFailed: If the generator ended without a result.

    """
    with _start(dialect, port, pid, load, connections) as process:
        return _result(process, load)


@contextmanager
def hold_open(
    dialect: str, port: int, pid: int, load: Load, connections: Sequence[Connection]
) -> Iterator[list[LoadResult]]:
    """Hold all connections open and idle. The list has the result after the block."""
    counted: list[LoadResult] = []
    with _start(dialect, port, pid, load, connections) as process:
        assert process.stdout is not None
        # If it gives up, the generator prints its result instead.
        line = process.stdout.readline()
        if line.strip() != "ready":
            raise LoadFailed(f"The connections could not be opened: {line.strip()}")
        yield counted
        counted.append(_result(process, load))


@contextmanager
def _start(
    dialect: str, port: int, pid: int, load: Load, connections: Sequence[Connection]
) -> Iterator[subprocess.Popen[str]]:
    where = [f"dialect={dialect}", f"port={port}", f"server={pid}"]
    command = [str(build()), *where, f"nonce={secrets.token_hex(2)}", *load.options()]
    with on_core(LOAD_CORE):
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
    try:
        assert process.stdin is not None
        process.stdin.write("".join(c.line() for c in connections) + "\n")
        process.stdin.flush()
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def _result(process: subprocess.Popen[str], load: Load) -> LoadResult:
    try:
        # communicate() closes standard input, which ends the idle mode.
        output, _ = process.communicate(timeout=load.limit + _GRACE_SECONDS)
        return LoadResult(json.loads(output.splitlines()[-1]))
    except (subprocess.TimeoutExpired, IndexError, ValueError) as exc:
        raise LoadFailed(f"The load generator gave no result ({process.poll()}).") from exc
