"""
``python -m bench.export``: a room of a million events, exported from a running server.

Measures, over HTTP, how long the client waits and how much the server's resident memory
grows. Every line is checked: the seqs must have no gap.
"""

import argparse
import http.client
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench import machine
from bench.dataset import Dataset, Room
from bench.machine import LOAD_CORE, on_core, resident_kib
from bench.servers import Parley, RunningServer, run_server

_CHUNK_BYTES = 256 * 1024
# Memory is sampled once per this many chunks, about every megabyte.
_CHUNKS_PER_SAMPLE = 4


@dataclass
class ExportResult:
    """One export, as measured by the client."""

    events: int = 0
    bytes: int = 0
    seconds: float = 0.0
    before_kib: int = 0
    peak_kib: int = 0


def main() -> None:
    """Fill a room, start a server, and export the room."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--events", type=int, default=1_000_000, help="default %(default)s")
    parser.add_argument("--runs", type=int, default=3, help="default %(default)s")
    arguments = parser.parse_args()
    machine_facts = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        **machine.describe(),
    }
    print(", ".join(f"{name} {value}" for name, value in machine_facts.items()))
    # The first event is `room.created`.
    dataset = Dataset((Room("archive", 2, arguments.events - 1),))
    server = Parley()
    with tempfile.TemporaryDirectory(prefix="parley-export-") as name:
        folder = Path(name)
        server.fill(folder, dataset)
        with run_server(server, dataset, folder) as at, on_core(LOAD_CORE):
            print(
                f"{'':8}{'events':>12}{'MB':>8}{'s':>8}{'MB/s':>8}{'events/s':>12}{'grew MiB':>10}"
            )
            for run in range(1, arguments.runs + 1):
                _print_run(run, _export(server, at))


def _export(server: Parley, at: RunningServer) -> ExportResult:
    seen = ExportResult(before_kib=resident_kib(at.pid))
    connection = http.client.HTTPConnection("127.0.0.1", at.port, timeout=60)
    began = time.perf_counter()
    connection.request(
        "GET",
        "/rooms/archive/events",
        headers={
            "Authorization": f"Bearer {server.token(0)}",
            "Accept": "application/x-ndjson",
        },
    )
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
    for line in _lines(answer, at.pid, seen):
        seen.events += 1
        # No event is missing or out of order.
        assert b'"seq":%d,' % seen.events in line, line
    seen.seconds = time.perf_counter() - began
    connection.close()
    assert seen.events == 1 + at.dataset.rooms[0].messages
    return seen


def _lines(answer: http.client.HTTPResponse, pid: int, seen: ExportResult) -> Iterator[bytes]:
    rest, chunks = b"", 0
    while chunk := answer.read1(_CHUNK_BYTES):
        seen.bytes += len(chunk)
        chunks += 1
        if chunks % _CHUNKS_PER_SAMPLE == 0:
            seen.peak_kib = max(seen.peak_kib, resident_kib(pid))
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines
    assert not rest, "the last line is incomplete"


def _print_run(run: int, seen: ExportResult) -> None:
    megabytes = seen.bytes / 1e6
    print(
        f"run {run:<4}{seen.events:12,}{megabytes:8.0f}{seen.seconds:8.1f}"
        f"{megabytes / seen.seconds:8.1f}{seen.events / seen.seconds:12,.0f}"
        f"{(seen.peak_kib - seen.before_kib) / 1024:10.1f}"
    )


if __name__ == "__main__":
    main()
