"""Reports results: medians and ratios as a table, everything as JSON."""

import json
import math
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.scenario import Figure, Scenario

OURS = "parley"

# Shares of a core above which a note is printed below the table.
_BUSY_GENERATOR = 0.9
_BUSY_MACHINE = 0.15


@dataclass(frozen=True)
class Run:
    """One measurement of one server."""

    scenario: str
    server: str
    number: int
    # Why the run is void; empty if it is valid.
    faults: list[str]
    figures: Mapping[str, float]
    counted: Mapping[str, object]


def medians(runs: Iterable[Run], scenario: Scenario) -> dict[str, dict[str, float]]:
    """The median of each figure over each server's valid runs."""
    found: dict[str, list[Run]] = {}
    for run in runs:
        if run.scenario == scenario.name:
            found.setdefault(run.server, []).append(run)
    table = {}
    for server, theirs in found.items():
        valid = [run.figures for run in theirs if not run.faults]
        table[server] = {
            figure.name: statistics.median(each[figure.name] for each in valid)
            for figure in scenario.figures
            if valid
        }
    return table


def print_scenario(runs: Sequence[Run], scenario: Scenario) -> None:
    """Print the table of one scenario: a line per server, with its ratio to Parley."""
    table = medians(runs, scenario)
    print(f"\n{scenario.title}")
    heads = "".join(
        f"{f.name + (f' {f.unit}' if f.unit != '/s' else ''):>17}" for f in scenario.figures
    )
    print(f"  {'':30}{heads}   {scenario.figures[0].name}: parley is")
    for server, values in table.items():
        if not values:
            print(f"  {server:30}  void: {_why(runs, scenario, server)}")
            continue
        cells = "".join(f"{format_value(values[f.name]):>17}" for f in scenario.figures)
        ratio = _ratio(table.get(OURS, {}), values, scenario.figures[0]) if server != OURS else ""
        print(f"  {server:30}{cells}   {ratio}", flush=True)

    for note in _notes([run for run in runs if run.scenario == scenario.name]):
        print(f"  Note: {note}", flush=True)


def _notes(runs: Sequence[Run]) -> Iterator[str]:
    """Reasons to doubt these figures."""
    generator = max((_share(run, "generator_cpu") for run in runs), default=0)
    others = max((_share(run, "others_cpu") for run in runs), default=0)
    if generator > _BUSY_GENERATOR:
        yield f"the generator used {generator:.0%} of its core; it may be the bottleneck."
    if others > _BUSY_MACHINE:
        yield f"other programs used {others:.0%} of a core; the figures are too low."


def _share(run: Run, name: str) -> float:
    value = run.counted.get(name)
    return value if isinstance(value, float) else 0.0


def _why(runs: Sequence[Run], scenario: Scenario, server: str) -> str:
    faults = [r.faults for r in runs if (r.scenario, r.server) == (scenario.name, server)]
    return " ".join(faults[0])


def format_value(value: float) -> str:
    """A figure with as many digits as it deserves."""
    if math.isnan(value):
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _ratio(ours: Mapping[str, float], theirs: Mapping[str, float], figure: Figure) -> str:
    mine, other = ours.get(figure.name), theirs.get(figure.name)
    if not mine or not other:
        return ""
    better = how_much_better(mine, other, more_is_better=figure.more_is_better)
    return f"{better:.2f} times as good"


def how_much_better(mine: float, other: float, *, more_is_better: bool) -> float:
    """How many times as good ``mine`` is."""
    return mine / other if more_is_better else other / mine


def save(
    path: Path,
    machine: Mapping[str, str | int],
    runs: Sequence[Run],
    scenarios: Sequence[Scenario],
) -> None:
    """Write everything that was measured, and the medians, as JSON."""
    path.parent.mkdir(exist_ok=True)
    summary = [
        {
            "scenario": scenario.name,
            "title": scenario.title,
            "figures": {figure.name: figure.unit for figure in scenario.figures},
            "medians": medians(runs, scenario),
        }
        for scenario in scenarios
        if any(run.scenario == scenario.name for run in runs)
    ]
    written = {"machine": machine, "summary": summary, "runs": [asdict(run) for run in runs]}
    path.write_text(json.dumps(written, indent=1) + "\n")
