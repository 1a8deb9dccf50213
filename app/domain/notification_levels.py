"""What a member wants to be notified of in a room. Clients notify; the server keeps the wish."""

from enum import StrEnum
from typing import Final

from .roles import Kind


class NotificationLevel(StrEnum):
    """Which messages of others a client should notify a member of."""

    ALL = "all"
    MENTIONS = "mentions"
    NONE = "none"


_UNLESS_CHOSEN: Final = {
    Kind.PUBLIC: NotificationLevel.MENTIONS,
    Kind.PRIVATE: NotificationLevel.MENTIONS,
    Kind.DIRECT: NotificationLevel.ALL,
}


def level_of(kind: Kind, chosen: str | None) -> NotificationLevel:
    """Return the level that a member has chosen, or the one for the kind of room."""
    return _UNLESS_CHOSEN[kind] if chosen is None else NotificationLevel(chosen)
