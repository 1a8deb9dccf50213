"""Metrics of several processes in one answer."""

import json

from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from app.observability.histogram import Histogram
from app.observability.labelled import dump, labelled
from app.observability.metrics import Counter, Distribution, Families, Gauge

SENT = Counter("parley_sent_total", "Sent.", ("kind",))
LAG = Distribution("parley_lag_seconds", "Lag.")
OPEN = Gauge("parley_open", "Open.")


def of_a_process(sent: int, lag: float) -> Families:
    histogram = Histogram([0.1, 1])
    histogram.observe(lag)
    yield SENT.samples({("text",): sent})
    yield LAG.samples(histogram)
    yield OPEN.samples({})


class Merged(Collector):
    def collect(self) -> Families:
        dumps = {"1": dump(of_a_process(3, 0.05)), "2": dump(of_a_process(4, 0.5))}
        return labelled("worker", json.loads(json.dumps(dumps)))


def test_each_sample_names_its_process_and_keeps_its_labels() -> None:
    text = generate_latest(Merged()).decode()

    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert families.keys() == {"parley_sent", "parley_lag_seconds"}
    assert families["parley_sent"].type == "counter"
    assert families["parley_lag_seconds"].type == "histogram"
    sent = {tuple(s.labels.items()): s.value for s in families["parley_sent"].samples}
    assert sent == {(("kind", "text"), ("worker", "1")): 3, (("kind", "text"), ("worker", "2")): 4}


def test_the_buckets_of_a_histogram_stay_those_of_its_process() -> None:
    samples = [s for f in Merged().collect() if f.name == "parley_lag_seconds" for s in f.samples]

    buckets = {
        (s.labels["worker"], s.labels["le"]): s.value for s in samples if s.name.endswith("bucket")
    }
    assert buckets == {
        ("1", "0.1"): 1, ("1", "1.0"): 1, ("1", "+Inf"): 1,
        ("2", "0.1"): 0, ("2", "1.0"): 1, ("2", "+Inf"): 1,
    }  # fmt: skip
    sums = {s.labels["worker"]: s.value for s in samples if s.name.endswith("_sum")}
    assert sums == {"1": 0.05, "2": 0.5}
