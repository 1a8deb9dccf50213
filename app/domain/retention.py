"""How much a room keeps."""

from .errors import Invalid
from .limits import MAX_RETENTION_DAYS, MAX_SEQ


def refuse_retention(days: int | None, events: int | None) -> None:
    """Raise Invalid if a room can't keep this much: both are given, or one is out of bounds."""
    if days is not None and events is not None:
        raise Invalid.field("events", "can't be given together with days")
    for field, value, top in (("days", days, MAX_RETENTION_DAYS), ("events", events, MAX_SEQ)):
        if value is not None and not 1 <= value <= top:
            raise Invalid.field(field, f"is not between 1 and {top}")
