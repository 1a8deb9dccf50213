"""A histogram of plain integers."""

import math

from app.observability.histogram import Histogram


def test_a_value_counts_in_every_bucket_that_it_is_not_above() -> None:
    histogram = Histogram((1, 2, 4))

    for value in (0.5, 2, 3, 100):
        histogram.observe(value)

    assert histogram.buckets == [(1, 1), (2, 2), (4, 3), (math.inf, 4)]
    assert (histogram.count, histogram.sum) == (4, 105.5)
