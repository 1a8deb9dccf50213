"""Metrics, as Prometheus reads them."""

from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from app.observability.histogram import Histogram
from app.observability.metrics import Counter, Distribution, Families, Gauge

SENT = Counter("parley_sent_total", "What was sent.", ("kind",))
OPEN = Gauge("parley_open", "What is open.")
ABSENT = Gauge("parley_absent", "What is not here.")
SECONDS = Distribution("parley_seconds", "How long it took.")


class Collected(Collector):
    def __init__(self) -> None:
        self.seconds = Histogram((0.25, 1))
        self.seconds.observe(0.5)

    def collect(self) -> Families:
        yield SENT.samples({("text",): 3, ("data",): 0})
        yield OPEN.samples(7)
        yield ABSENT.samples({})
        yield SECONDS.samples(self.seconds)


def test_metrics_are_read_back_with_their_kinds_labels_and_values() -> None:
    text = generate_latest(Collected()).decode()

    families = list(text_string_to_metric_families(text))

    assert [(family.name, family.type) for family in families] == [
        ("parley_sent", "counter"),
        ("parley_open", "gauge"),
        ("parley_absent", "gauge"),
        ("parley_seconds", "histogram"),
    ]
    read = {
        (sample.name, *sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
    }
    assert read == {
        ("parley_sent_total", "text"): 3,
        ("parley_sent_total", "data"): 0,
        ("parley_open",): 7,
        ("parley_seconds_bucket", "0.25"): 0,
        ("parley_seconds_bucket", "1.0"): 1,
        ("parley_seconds_bucket", "+Inf"): 1,
        ("parley_seconds_count",): 1,
        ("parley_seconds_sum",): 0.5,
    }
