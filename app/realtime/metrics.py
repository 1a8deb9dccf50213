"""The metrics of connected clients: connections, delivery, replays and their limits."""

from ..domain.close_codes import SLOW_CONSUMER
from ..observability.metrics import Counter, Distribution, Families, Gauge
from .parts import RealtimeParts

CONNECTIONS = Gauge("parley_connections", "Open connections, by transport.", ("transport",))
CONNECTIONS_OPENED = Counter(
    "parley_connections_opened_total", "Connections that were opened.", ("transport",)
)
CONNECTIONS_CLOSED = Counter(
    "parley_connections_closed_total",
    "Connections that have ended, by close code; client: the client ended it, or was lost.",
    ("code",),
)
SLOW_CONSUMERS = Counter(
    "parley_slow_consumers_total", "Connections that were closed because they read too slowly."
)
ROOMS = Gauge("parley_rooms_warm", "Rooms whose recent events this node has in memory.")
DELIVERED_EVENTS = Counter(
    "parley_delivered_events_total", "Events of rooms that had subscribers on this node."
)
DELIVERIES = Counter(
    "parley_deliveries_total", "The same events, counted once for each subscriber."
)
FANOUT_LAG = Distribution(
    "parley_fanout_lag_seconds",
    "How long the first connection of each slice of the fan-out has waited for its write.",
)
REPLAY_PAGES = Counter(
    "parley_replay_pages_total", "Pages of missed events that were replayed.", ("source",)
)
GAP_READS = Counter(
    "parley_feed_gap_reads_total",
    "Reads of events that were missing between two: those of other nodes among them.",
)
GAP_EVENTS = Counter("parley_feed_gap_events_total", "Events that these reads have found.")
FRAMES_LIMITED = Counter("parley_frames_limited_total", "Frames over the limit of a connection.")
DRAINING = Gauge("parley_draining", "1 while the server refuses new requests and is stopping.")

_TRANSPORTS = ("websocket", "asgi", "http")


def collect(realtime: RealtimeParts) -> Families:
    """Read the metrics. Called in the event loop."""
    connections, hub, feed = realtime.connections, realtime.hub, realtime.feed
    opened, ended = connections.opened, connections.ended
    yield CONNECTIONS.samples({(t,): opened[t] - ended[t] for t in _TRANSPORTS})
    yield CONNECTIONS_OPENED.samples({(t,): opened[t] for t in _TRANSPORTS})
    yield CONNECTIONS_CLOSED.samples(
        {(str(code) if code else "client",): n for code, n in connections.closed.items()}
    )
    yield SLOW_CONSUMERS.samples(connections.closed[SLOW_CONSUMER.code])
    yield ROOMS.samples(feed.rooms)
    yield DELIVERED_EVENTS.samples(hub.delivered_events)
    yield DELIVERIES.samples(hub.deliveries)
    yield FANOUT_LAG.samples(hub.fanout.lag_seconds)
    pages = realtime.replay_pages
    yield REPLAY_PAGES.samples(
        {("memory",): pages.from_memory, ("database",): pages.from_database}
    )
    yield GAP_READS.samples(feed.gap_reads)
    yield GAP_EVENTS.samples(feed.gap_events)
    yield FRAMES_LIMITED.samples(realtime.frame_refusals.count)
    yield DRAINING.samples(realtime.drain.started)
