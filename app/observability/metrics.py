"""
What a metric is: its name, its meaning, and how numbers become samples of it.

Parts count in plain integers of their own. The ``metrics.py`` of a package declares its metrics
as constants, and turns those integers into samples when a scrape asks. Nothing is registered
anywhere, so that two servers in one process have nothing in common.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isinf
from typing import TypeAlias

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from .histogram import Histogram

Families: TypeAlias = Iterator[Metric]
"""What a scrape gets of one package: each metric with its samples."""

Labelled: TypeAlias = Mapping[tuple[str, ...], float]
"""A value for each combination of labels."""


@dataclass(frozen=True, slots=True)
class Description:
    """
    A metric, without any value.

    Names begin with ``parley_`` and end with a unit; those of counters with ``_total``. The
    values of labels must be few and chosen here: a client must not be able to invent one.
    """

    name: str
    help: str
    labels: tuple[str, ...] = ()


class Counter(Description):
    """A number that only grows, until the process ends."""

    def samples(self, values: float | Labelled) -> Metric:
        """Return the metric with one value, or with one for each combination of labels."""
        family = CounterMetricFamily(self.name, self.help, labels=self.labels)
        return _filled(family, values)


class Gauge(Description):
    """A number that goes up and down."""

    def samples(self, values: float | Labelled) -> Metric:
        """Return the metric with one value, or with one for each combination of labels."""
        family = GaugeMetricFamily(self.name, self.help, labels=self.labels)
        return _filled(family, values)


class Distribution(Description):
    """How values are distributed: a histogram."""

    def samples(self, histogram: Histogram) -> Metric:
        """Return the metric with the buckets of ``histogram``."""
        buckets = [
            ("+Inf" if isinf(bound) else str(float(bound)), count)
            for bound, count in histogram.buckets
        ]
        return HistogramMetricFamily(
            self.name, self.help, buckets=buckets, sum_value=histogram.sum
        )


def _filled(family: CounterMetricFamily | GaugeMetricFamily, values: float | Labelled) -> Metric:
    if isinstance(values, Mapping):
        for labels, value in values.items():
            family.add_metric(labels, value)
    else:
        family.add_metric((), values)
    return family
