"""
``python -m bench.compare OTHER``: this checkout beside another one, in windows that alternate.

Both servers run all the time, on one core, and take turns of half a second. A slow minute of the
machine falls on both, so that the ratio of neighbouring windows says more than the figures do.
Prints the median ratio of each scenario, with an interval of 95 % by bootstrap. ``OTHER`` is the
path of a checkout with its ``.venv``.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.machine import describe, raise_descriptors
from bench.scenario import Scenario
from bench.scenarios import SCENARIOS

_ROOT = Path(__file__).resolve().parent.parent
_RESAMPLES = 4_000

Window = dict[str, float]


class VoidWindow(Exception):
    """A window gave no figures. The message says why."""


class Side:
    """A checkout whose server is being measured."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def start(self, scenario: Scenario) -> None:
        """Start its server; raises VoidWindow if that fails."""
        self._ask(scenario.name)

    def window(self) -> Window:
        """
        Measure for one window.

        Raises:
            VoidWindow: If the run is void, or there was none.

        """
        window: Window = self._ask("")
        if faults := window.pop("faults"):
            raise VoidWindow(f"A window is void: {faults}")
        return window

    def _ask(self, line: str) -> Window:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        answer: Window = json.loads(self._process.stdout.readline() or "null")
        if answer is None:
            raise VoidWindow("A server could not be measured; see the error above.")
        return answer


def main() -> None:
    """Print a table."""
    arguments = _arguments()
    raise_descriptors()
    print(", ".join(f"{name} {value}" for name, value in describe().items()))
    for name in arguments.only:
        (scenario,) = (scenario for scenario in SCENARIOS if scenario.name == name)
        try:
            pairs = list(compare(scenario, arguments.other, arguments.pairs, arguments.seconds))
        except VoidWindow as exc:
            sys.exit(f"{name}: {exc}")
        print(report(scenario, pairs), flush=True)


def compare(
    scenario: Scenario, other: Path, pairs: int, seconds: float
) -> Iterator[tuple[Window, Window]]:
    """Yield pairs of windows: the other checkout's, and this one's."""
    with _side(other, seconds) as theirs, _side(_ROOT, seconds) as ours:
        for side in (theirs, ours):
            side.start(scenario)
            side.window()
        for number in range(pairs):
            # The side that comes second in a pair comes first in the next.
            if number % 2:
                new = ours.window()
                yield theirs.window(), new
            else:
                old = theirs.window()
                yield old, ours.window()


def report(scenario: Scenario, pairs: Sequence[tuple[Window, Window]]) -> str:
    """Return a line: the medians of the first figure, and how they compare."""
    figure = scenario.figures[0].name
    ratios = [new[figure] / old[figure] for old, new in pairs]
    # Per message, so that a faster server, which does more in a window, is not the worse.
    costs = [(new["cpu"] / new[figure]) / (old["cpu"] / old[figure]) for old, new in pairs]
    old, new = (statistics.median(pair[side][figure] for pair in pairs) for side in (0, 1))
    return (
        f"{scenario.name:12} {old:10,.0f} → {new:10,.0f} {figure}"
        f"   rate × {_median(ratios)}   processor time each × {_median(costs)}"
    )


def _median(ratios: Sequence[float]) -> str:
    chance = random.Random(1)
    medians = sorted(
        statistics.median(chance.choices(ratios, k=len(ratios))) for _ in range(_RESAMPLES)
    )
    low, high = medians[_RESAMPLES // 40], medians[-_RESAMPLES // 40]
    return f"{statistics.median(ratios):.3f} ({low:.3f} to {high:.3f})"


def _python(checkout: Path) -> Path:
    return checkout / ".venv" / "bin" / "python"


@contextmanager
def _side(checkout: Path, seconds: float) -> Iterator[Side]:
    python = Path(sys.executable) if checkout == _ROOT else _python(checkout)
    process = subprocess.Popen(
        [python, _ROOT / "bench" / "windows.py", f"{seconds}"],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": str(checkout)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Side(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.compare", description=__doc__)
    parser.add_argument("other", type=lambda path: Path(path).resolve(), metavar="OTHER")
    parser.add_argument("--only", default="room-100,lone-1,history-1k,connect", metavar="NAME,…")
    parser.add_argument("--pairs", type=int, default=40, help="windows of each side")
    parser.add_argument("--seconds", type=float, default=0.5, help="length of a window")
    chosen = parser.parse_args()
    chosen.only = chosen.only.split(",")
    names = {scenario.name for scenario in SCENARIOS}
    if unknown := [name for name in chosen.only if name not in names]:
        parser.error(f"there is no scenario {unknown[0]}; there are {', '.join(sorted(names))}")
    if not _python(chosen.other).exists():
        parser.error(f"{chosen.other} has no .venv: run `make .venv/.installed` there")
    if chosen.pairs < 1:
        parser.error("--pairs: at least 1")
    return chosen


if __name__ == "__main__":
    main()
