"""``python -m bench``: benchmark Parley and other servers. ``make bench`` is the same."""

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

from bench import machine, postgres, report
from bench.dataset import Dataset
from bench.generator import BUILD, LoadFailed, build
from bench.npm_peers import NpmPeers
from bench.report import Run
from bench.scenario import Scenario
from bench.scenarios import SCENARIOS
from bench.servers import Server, StartFailed, all_servers, run_server

_RESULT = Path(__file__).parent / "results" / "latest.json"


def main() -> int:
    """Run the selected scenarios; returns 1 if a run of Parley was void."""
    arguments = _arguments()
    scenarios = [s for s in SCENARIOS if _is_selected(s, arguments)]
    if not scenarios:
        print(f"There is no such scenario. Scenarios: {', '.join(s.name for s in SCENARIOS)}")
        return 2
    try:
        build()
    except LoadFailed as exc:
        print(exc, file=sys.stderr)
        return 2
    machine.raise_descriptors()
    npm = NpmPeers(wanted=_matches("socket.io, sqlite3, better-sqlite3, WAL", arguments.servers))
    if npm.missing() and not arguments.servers:
        print(f"Socket.IO is left out: {npm.missing()}.")
    with postgres.servers() as on_postgres:
        servers = [*all_servers(npm), *on_postgres]
        chosen = _chosen(servers, arguments.servers)
        runs = _measure(scenarios, chosen, arguments)
    print(f"\nWritten to {os.path.relpath(arguments.output)}")
    return int(any(run.faults for run in runs if run.server.startswith(report.OURS)))


def _measure(
    scenarios: Sequence[Scenario], servers: Sequence[Server], arguments: argparse.Namespace
) -> list[Run]:
    machine_facts = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        **machine.describe(),
    }
    print(", ".join(f"{name} {value}" for name, value in machine_facts.items()))
    runs: list[Run] = []
    for scenario in scenarios:
        participants = [server for server in servers if scenario.takes_part(server)]
        runs += _measure_all(scenario, participants, 1 if arguments.quick else arguments.runs)
        report.print_scenario(runs, scenario)
        report.save(arguments.output, machine_facts, runs, scenarios)
    return runs


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="run the main scenarios once")
    parser.add_argument("--runs", type=int, default=3, help="runs per server, for the medians")
    parser.add_argument(
        "--only", metavar="NAME,…", help="run only these scenarios; part of a name suffices"
    )
    parser.add_argument(
        "--servers", metavar="NAME,…", help="run only these servers; part of a name suffices"
    )
    parser.add_argument("--output", type=Path, default=_RESULT, metavar="FILE")
    return parser.parse_args()


def _is_selected(scenario: Scenario, arguments: argparse.Namespace) -> bool:
    if arguments.only:
        names = arguments.only.split(",")
        exact = any(name == each.name for name in names for each in SCENARIOS)
        return scenario.name in names if exact else _matches(scenario.name, arguments.only)
    return scenario.main or not arguments.quick


def _chosen(servers: Sequence[Server], parts: str | None) -> list[Server]:
    names = (parts or "").split(",")
    exact = any(server.name in names for server in servers)
    return [s for s in servers if (s.name in names if exact else _matches(s.name, parts))]


def _matches(name: str, parts: str | None) -> bool:
    return not parts or any(part in name for part in parts.split(","))


def _measure_all(scenario: Scenario, servers: Sequence[Server], times: int) -> Iterator[Run]:
    # Servers take turns, so that a slow minute of the machine affects all of them.
    for number in range(times):
        for server in servers:
            yield _measure_once(scenario, server, number)


def _measure_once(scenario: Scenario, server: Server, number: int) -> Run:
    try:
        with (
            _database(scenario, server) as folder,
            run_server(server, scenario.dataset, folder) as it,
        ):
            counted, figures = scenario.run(it)
    except (LoadFailed, StartFailed) as exc:
        return Run(scenario.name, server.name, number, [str(exc)], {}, {})
    faults = counted.faults(ordered=server.ordered)
    return Run(scenario.name, server.name, number, faults, figures, counted.numbers)


@contextmanager
def _database(scenario: Scenario, server: Server) -> Iterator[Path]:
    """Yield a folder with the server's database, filled for the scenario."""
    if scenario.reuses_database:
        kept = BUILD / "databases" / f"{server.name}-{_version(scenario.dataset)}"
        if not kept.exists():
            draft = kept.with_suffix(".draft")
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir(parents=True)
            server.fill(draft, scenario.dataset)
            draft.rename(kept)
        yield kept
        return
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as folder:
        server.fill(Path(folder), scenario.dataset)
        yield Path(folder)


def _version(dataset: Dataset) -> str:
    """A key that changes with the dataset, the schema or the code that fills the database."""
    root = Path(__file__).resolve().parent.parent
    sources = [root / "bench" / "fixtures.py", *sorted(root.glob("migrations/versions/*.py"))]
    read = b"".join(path.read_bytes() for path in sources)
    return hashlib.sha256(repr(dataset).encode() + read).hexdigest()[:12]


if __name__ == "__main__":
    sys.exit(main())
