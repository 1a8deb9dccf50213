"""``python -m bench``: measure Parley beside other servers. ``make bench`` is the same."""

import argparse
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from bench import machine, report
from bench.generator import BUILD, LoadFailed, build
from bench.npm import NpmPeers
from bench.report import Run
from bench.scenario import Scenario
from bench.scenarios import SCENARIOS
from bench.servers import Server, StartFailed, all_servers, running
from bench.worlds import World

_RESULT = Path(__file__).parent / "results" / "latest.json"


def main() -> int:
    """Run what was chosen; 1 if a run of ours was void."""
    chosen = _arguments()
    scenarios = [s for s in SCENARIOS if _wanted(s, chosen)]
    if not scenarios:
        print(f"There is no such scenario. There are: {', '.join(s.name for s in SCENARIOS)}")
        return 2
    try:
        build()
    except LoadFailed as exc:
        print(exc, file=sys.stderr)
        return 2
    machine.raise_descriptors()
    npm = NpmPeers(wanted=_among("socket.io, sqlite3, better-sqlite3, WAL", chosen.servers))
    if npm.missing() and not chosen.servers:
        print(f"Without Socket.IO: {npm.missing()}.")
    servers = [s for s in all_servers(npm) if _among(s.name, chosen.servers)]
    facts = {"date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"), **machine.describe()}
    print(", ".join(f"{name} {value}" for name, value in facts.items()))
    runs: list[Run] = []
    for scenario in scenarios:
        takers = [server for server in servers if scenario.takes_part(server)]
        runs += _measured(scenario, takers, 1 if chosen.quick else chosen.runs)
        report.print_scenario(runs, scenario)
        report.save(chosen.output, facts, runs, scenarios)
    print(f"\nWritten to {os.path.relpath(chosen.output)}")
    return int(any(run.faults for run in runs if run.server == report.OURS))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one run of the main scenarios")
    parser.add_argument("--runs", type=int, default=3, help="runs of each, for the medians")
    parser.add_argument(
        "--only", metavar="NAME,…", help="these scenarios, by (part of) their name"
    )
    parser.add_argument("--servers", metavar="NAME,…", help="these servers, by part of their name")
    parser.add_argument("--output", type=Path, default=_RESULT, metavar="FILE")
    return parser.parse_args()


def _wanted(scenario: Scenario, chosen: argparse.Namespace) -> bool:
    if chosen.only:
        names = chosen.only.split(",")
        exact = any(name == each.name for name in names for each in SCENARIOS)
        return scenario.name in names if exact else _among(scenario.name, chosen.only)
    return scenario.main or not chosen.quick


def _among(name: str, parts: str | None) -> bool:
    return not parts or any(part in name for part in parts.split(","))


def _measured(scenario: Scenario, servers: Sequence[Server], times: int) -> Iterator[Run]:
    # Taking turns, so that a slow minute of the machine is everybody's.
    for number in range(times):
        for server in servers:
            yield _one(scenario, server, number)


def _one(scenario: Scenario, server: Server, number: int) -> Run:
    try:
        with _database(scenario, server) as folder, running(server, scenario.world, folder) as it:
            counted, figures = scenario.run(it)
    except (LoadFailed, StartFailed) as exc:
        return Run(scenario.name, server.name, number, [str(exc)], {}, {})
    faults = counted.faults(ordered=server.ordered)
    return Run(scenario.name, server.name, number, faults, figures, counted.numbers)


@contextmanager
def _database(scenario: Scenario, server: Server) -> Iterator[Path]:
    """A folder with the server's database, as the scenario wants to find it."""
    if scenario.keeps_world:
        kept = BUILD / "worlds" / f"{server.name}-{_version(scenario.world)}"
        if not kept.exists():
            draft = kept.with_suffix(".draft")
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir(parents=True)
            server.fill(draft, scenario.world)
            draft.rename(kept)
        yield kept
        return
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as folder:
        server.fill(Path(folder), scenario.world)
        yield Path(folder)


def _version(world: World) -> str:
    """Another one when the world, the schema or the way of filling it has changed."""
    root = Path(__file__).resolve().parent.parent
    sources = [root / "bench" / "fixtures.py", *sorted(root.glob("migrations/versions/*.py"))]
    read = b"".join(path.read_bytes() for path in sources)
    return hashlib.sha256(repr(world).encode() + read).hexdigest()[:12]


if __name__ == "__main__":
    sys.exit(main())
