"""Times in the format of the wire: UTC, ISO 8601, milliseconds and ``Z``."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

from .ids import Millis

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=64)
def _seconds(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


@lru_cache(maxsize=1024)
def iso(at: int) -> str:
    """``at`` (milliseconds since 1970) as text: ``2026-11-21T08:00:00.123Z``."""
    second, ms = divmod(at, 1000)
    return f"{_seconds(second)}.{ms:03d}Z"


def iso_or_none(at: int | None) -> str | None:
    """Like :func:`iso`; None stays None."""
    return None if at is None else iso(at)


def millis(moment: datetime) -> Millis:
    """``moment``, which has a time zone, in milliseconds since 1970."""
    # In integers: a float of seconds is sometimes off by a millisecond.
    return Millis((moment - _EPOCH) // timedelta(milliseconds=1))
