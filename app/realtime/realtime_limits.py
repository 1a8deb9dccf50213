"""The limits of this package, as its parts are given them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ..domain import connection_limits as of_connections
from ..domain import limits as defaults


@dataclass(frozen=True, slots=True, kw_only=True)
class RealtimeLimits:
    """Settings, and the defaults of :mod:`app.domain.limits` for the rest; 0 is no limit."""

    allowed_origins: Collection[str]
    max_unsent_bytes: int
    max_connections_per_user: int
    frames_per_second: float
    frame_burst: float
    auth_expiring_seconds: float
    told_to_clients: Mapping[str, int]
    """What ``welcome`` shows."""
    max_rooms_per_connection: int = of_connections.MAX_ROOMS_PER_CONNECTION
    max_pending_requests: int = of_connections.MAX_PENDING_REQUESTS
    room_feed_idle_seconds: float = defaults.ROOM_FEED_IDLE_SECONDS
    replay_stall_seconds: float = of_connections.REPLAY_STALL_SECONDS
    poll_seconds: float = defaults.POLL_SECONDS
    activity_seconds: float = defaults.ACTIVITY_SECONDS
    typing_seconds: float = defaults.TYPING_SECONDS
    presence_grace_seconds: float = defaults.PRESENCE_GRACE_SECONDS
    presence_gather_seconds: float = defaults.PRESENCE_GATHER_SECONDS
    presence_count_seconds: float = defaults.PRESENCE_COUNT_SECONDS
    presence_refresh_seconds: float = defaults.PRESENCE_REFRESH_SECONDS
    presence_expiry_seconds: float = defaults.PRESENCE_EXPIRY_SECONDS
    max_present_listed: int = defaults.MAX_PRESENT_LISTED
    close_seconds: float = of_connections.CLOSE_SECONDS
    slow_close_seconds: float = of_connections.SLOW_CLOSE_SECONDS
    probe_seconds: float = of_connections.PROBE_SECONDS
    stream_ping_seconds: float = defaults.STREAM_PING_SECONDS
