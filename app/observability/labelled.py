"""
Metrics of several processes in one answer: each sample with a label that names its process.

They are not added up: the sum of gauges such as a lag means nothing, and a sum of counters goes
down when a process is replaced, which Prometheus would take for a restart of all of them.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from prometheus_client.core import Metric

Dump: TypeAlias = list[list[Any]]
"""Metrics as JSON has them: name, help, type and samples of each."""


def dump(metrics: Iterable[Metric]) -> Dump:
    """Make JSON values of metrics, without those that have no samples."""
    return [
        [
            metric.name,
            metric.documentation,
            metric.type,
            [[sample.name, sample.labels, sample.value] for sample in metric.samples],
        ]
        for metric in metrics
        if metric.samples
    ]


def labelled(label: str, dumps: Mapping[str, Dump]) -> Iterator[Metric]:
    """The metrics of all processes; ``label`` has the key under which a sample was given."""
    merged: dict[str, Metric] = {}
    for process, families in dumps.items():
        for name, help, kind, samples in families:
            metric = merged.setdefault(name, Metric(name, help, kind))
            for sample, labels, value in samples:
                metric.add_sample(sample, {**labels, label: process}, value)
    yield from merged.values()
