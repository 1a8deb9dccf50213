"""
One side of :mod:`bench.compare`: a server of one checkout, measured in short windows.

Runs in the checkout that it measures, by that checkout's Python. The first line of standard input
is the name of a scenario, whose server it starts; each further line asks for a window. A line of
JSON answers each. Of ``bench`` it uses only what has been there for long, so that it runs in older
checkouts.
"""

import json
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from bench.scenario import Scenario
from bench.scenarios import PAGE, SCENARIOS
from bench.servers import Parley, RunningServer, run_server

_WARMUP_SECONDS = 0.1
# A server is idle when it has used at most this share of a core for so many seconds...
_IDLE_SHARE = 0.05
_REST_SECONDS = 0.1
# ...and is waited for no longer than ten: it may have work for minutes.
_MAX_RESTS = 100


def main() -> None:
    """Serve until standard input ends."""
    with ExitStack() as stack:
        scenario = _scenario(sys.stdin.readline().strip(), float(sys.argv[1]))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="parley-bench-")))
        server = Parley()
        server.fill(folder, scenario.dataset)
        running = stack.enter_context(run_server(server, scenario.dataset, folder))
        _say({"ready": True})
        for _ in sys.stdin:
            _say(_window(scenario, running))
            # From now on the room has messages, which are shown to who joins.
            scenario = replace(scenario, load=replace(scenario.load, replay=PAGE))


def _scenario(name: str, seconds: float) -> Scenario:
    (found,) = (scenario for scenario in SCENARIOS if scenario.name == name)
    return replace(found, load=replace(found.load, warmup=_WARMUP_SECONDS, seconds=seconds))


def _window(scenario: Scenario, running: RunningServer) -> Mapping[str, object]:
    before = _cpu_seconds(running.pid)
    counted, figures = scenario.run(running)
    spent = _cpu_seconds(running.pid) - before
    # What the server does afterwards would count for the other side.
    _wait_until_idle(running.pid)
    return {**figures, "cpu": spent, "faults": counted.faults(ordered=True)}


def _wait_until_idle(pid: int) -> None:
    for _ in range(_MAX_RESTS):
        before = _cpu_seconds(pid)
        time.sleep(_REST_SECONDS)
        if _cpu_seconds(pid) - before <= _REST_SECONDS * _IDLE_SHARE:
            return


def _cpu_seconds(pid: int) -> float:
    """Processor time of a process so far, all of its threads."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9


def _say(what: Mapping[str, object]) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    main()
