"""The metrics of the broker: whether this node hears the others, and how soon."""

from ..observability.metrics import Counter, Families, Gauge
from .base import CONNECTING, DEAF, BrokerCounts

STATE = Gauge("parley_broker_state", "1 for the state that the broker is in.", ("state",))
WENT_DEAF = Counter(
    "parley_broker_went_deaf_total", "How often this node stopped hearing its own notifications."
)
LAG = Gauge(
    "parley_broker_lag_seconds",
    "How long this node's last probe took through the broker and back; absent until there is one.",
)
RECEIVED = Counter("parley_broker_received_total", "Notifications of other nodes.")
IGNORED = Counter("parley_broker_ignored_total", "Messages and hints that were not understood.")


def collect(fault: str | None, counts: BrokerCounts) -> Families:
    """Turn a broker's fault and counts into metrics."""
    state = fault or "ok"
    yield STATE.samples({(each,): each == state for each in ("ok", CONNECTING, DEAF)})
    yield WENT_DEAF.samples(counts.went_deaf)
    yield LAG.samples({} if counts.lag_seconds is None else {(): counts.lag_seconds})
    yield RECEIVED.samples(counts.received)
    yield IGNORED.samples(counts.ignored)
