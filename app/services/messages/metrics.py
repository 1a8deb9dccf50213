"""The metrics of messages: those that were over the limit of their user."""

from ...observability.metrics import Counter, Families
from .parts import MessageParts

SENDS_LIMITED = Counter(
    "parley_sends_limited_total", "Messages over the limit of their user, on sockets and HTTP."
)


def collect(messages: MessageParts) -> Families:
    """Read the metrics. Called in the event loop."""
    yield SENDS_LIMITED.samples(messages.send_buckets.refusals.count)
