"""
``python -m bench.table``: the medians of a run as a Markdown table, as in ``docs/performance.md``.

A column per server. In brackets: how many times as good the first column is.
"""

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.report import format_value, how_much_better
from bench.scenarios import SCENARIOS

_RESULT = Path(__file__).parent / "results" / "latest.json"
_MORE_IS_BETTER = {f.name: f.more_is_better for s in SCENARIOS for f in s.figures}


def main() -> None:
    """Print the table of the file that is given, or of the last run."""
    parser = argparse.ArgumentParser(prog="python -m bench.table", description=__doc__)
    parser.add_argument("file", type=Path, nargs="?", default=_RESULT)
    parser.add_argument("--base", help="the server of the first column")
    arguments = parser.parse_args()
    for line in lines(json.loads(arguments.file.read_text()), arguments.base):
        print(line)


def lines(saved: Mapping[str, Any], base: str | None = None) -> Iterator[str]:
    """
    Return the lines of the table.

    Args:
        saved: What :func:`bench.report.save` has written.
        base: The server of the first column; by default the first that was measured.

    """
    measured = dict.fromkeys(server for each in saved["summary"] for server in each["medians"])
    servers = sorted(measured, key=lambda name: name != base)
    yield f"| | {' | '.join(servers)} |"
    yield "|" + "---|" * (1 + len(servers))
    for each in saved["summary"]:
        for figure, unit in each["figures"].items():
            values = [each["medians"].get(server, {}).get(figure) for server in servers]
            title = f"`{each['scenario']}`: {figure}{'' if unit == '/s' else f', {unit}'}"
            yield f"| {title} | {' | '.join(_cells(values, _MORE_IS_BETTER[figure]))} |"


def _cells(values: Sequence[float | None], more_is_better: bool) -> Iterator[str]:
    first = values[0]
    for number, value in enumerate(values):
        if value is None:
            yield "–"
        elif number and first and value:
            better = how_much_better(first, value, more_is_better=more_is_better)
            yield f"{format_value(value)} ({_factor(better)}×)"
        else:
            yield format_value(value)


def _factor(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


if __name__ == "__main__":
    main()
