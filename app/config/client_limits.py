"""The limits that clients are told in ``welcome``."""

from collections.abc import Mapping

from ..domain import connection_limits, limits
from .settings import Settings


def client_limits(settings: Settings) -> Mapping[str, int]:
    """The limits that a client can respect by itself, by name. 0 means no limit."""
    return {
        "text_characters": limits.MAX_TEXT_CHARACTERS,
        "data_bytes": limits.MAX_DATA_BYTES,
        "frame_bytes": connection_limits.MAX_FRAME_BYTES,
        "rooms_per_connection": connection_limits.MAX_ROOMS_PER_CONNECTION,
        "sends_per_second": settings.sends_per_second,
        "send_burst": settings.send_burst,
        "frames_per_second": settings.frames_per_second,
        "frame_burst": settings.frame_burst,
    }
