"""What :mod:`bench.mutants` has found: shares of noticed mutants, and those that survived."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

_KILLED = {"killed", "timeout", "segfault", "suspicious"}
SURVIVED = {"survived", "no tests"}
"""The statuses of mutants that no test has noticed."""


@dataclass(frozen=True)
class Survivor:
    """A mutant that a selection of tests did not notice."""

    name: str
    tests: str
    diff: str


@dataclass(frozen=True)
class Score:
    """How many mutants of a target one selection of tests noticed."""

    path: str
    tests: str
    tried: int
    killed: int

    @classmethod
    def of(cls, path: Path, tests: str, names: Sequence[str], statuses: Mapping[str, str]) -> Self:
        """
        Count the statuses that mutmut gives the mutants ``names``.

        Raises:
            SystemExit: If one of them was not tried.

        """
        odd = {statuses[name] for name in names} - _KILLED - SURVIVED
        if odd:
            raise SystemExit(f"{path}: mutmut answers {', '.join(sorted(odd))}.")
        killed = sum(statuses[name] in _KILLED for name in names)
        return cls(str(path), tests, len(names), killed)

    def interval(self) -> tuple[float, float]:
        """The 95 % confidence interval of the share that is killed (Wilson score)."""
        z, n = 1.96, self.tried
        share = self.killed / n
        middle = (share + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
        return middle - half, middle + half


def print_scores(scores: Iterable[Score]) -> None:
    """Print a line for each target."""
    for score in scores:
        low, high = score.interval()
        share = f"{score.killed / score.tried:.0%} ({low:.0%} to {high:.0%})"
        print(f"{score.path:34} {score.tests:8} {score.killed:4} of {score.tried:4}  {share}")


def print_survivors(survivors: Sequence[Survivor]) -> None:
    """Print each change that was not noticed, and which tests missed it."""
    by_name: dict[str, list[Survivor]] = {}
    for survivor in survivors:
        by_name.setdefault(survivor.name, []).append(survivor)
    for name, found in sorted(by_name.items()):
        print(f"\n== {name}: survives {' and '.join(s.tests for s in found)}")
        print("\n".join(found[0].diff.strip().splitlines()[2:]))


def save(output: Path, scores: Sequence[Score], survivors: Sequence[Survivor]) -> None:
    """Write everything as JSON."""
    everything = {"scores": scores, "survivors": survivors}
    output.write_text(json.dumps(everything, indent=2, default=asdict))
