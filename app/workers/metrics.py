"""The metrics of workers: whether they answer, and how often they ended by themselves."""

from collections.abc import Mapping
from dataclasses import dataclass

from ..observability.labelled import Dump
from ..observability.metrics import Counter, Families, Gauge

UP = Gauge("parley_worker_up", "1 if this worker answers and is not being replaced.", ("worker",))
CRASHES = Counter(
    "parley_worker_crashes_total", "How often a worker ended that was not told to.", ("worker",)
)


@dataclass(frozen=True, slots=True)
class WorkerReport:
    """What a supervisor knows of the worker that has a number."""

    crashes: int
    metrics: Dump | None
    """Those that it counted; None: it has not answered."""


def collect(workers: Mapping[str, WorkerReport]) -> Families:
    """Turn the reports into metrics. Of a process without workers there are none."""
    yield UP.samples({(name,): each.metrics is not None for name, each in workers.items()})
    yield CRASHES.samples({(name,): each.crashes for name, each in workers.items()})
