"""
Who may do what in a room: one table, printed in ``docs/permissions.md`` by a test.

A role holds everything that the roles below it hold. An administrator of the installation
acts as owner in every public room and in the private rooms that they are a member of.
"""

from enum import StrEnum


class Kind(StrEnum):
    """Who can find and join a room."""

    PUBLIC = "public"
    PRIVATE = "private"
    DIRECT = "direct"


class Role(StrEnum):
    """What one is in a room."""

    OWNER = "owner"
    MODERATOR = "moderator"
    MEMBER = "member"


class Action(StrEnum):
    """What a role can be asked for. Reading is not here: it depends on the room's kind."""

    SEND = "send"
    REACT = "react"
    ADD_MEMBER = "add_member"
    DELETE_ANY_MESSAGE = "delete_any_message"
    READ_EDITS = "read_edits"
    PIN = "pin"
    INVITE = "invite"
    REMOVE_MEMBER = "remove_member"
    BAN = "ban"
    MUTE = "mute"
    UPDATE_ROOM = "update_room"
    ARCHIVE = "archive"
    CHANGE_ROLE = "change_role"


_MEMBER = frozenset({Action.SEND, Action.REACT, Action.PIN})
_MODERATOR = _MEMBER | {
    Action.ADD_MEMBER,
    Action.DELETE_ANY_MESSAGE,
    Action.READ_EDITS,
    Action.INVITE,
    Action.REMOVE_MEMBER,
    Action.BAN,
    Action.MUTE,
    Action.UPDATE_ROOM,
}
_OWNER = _MODERATOR | {Action.ARCHIVE, Action.CHANGE_ROLE}

PERMISSIONS: dict[Role, frozenset[Action]] = {
    Role.MEMBER: _MEMBER,
    Role.MODERATOR: _MODERATOR,
    Role.OWNER: _OWNER,
}

RANK: dict[Role, int] = {Role.MEMBER: 0, Role.MODERATOR: 1, Role.OWNER: 2}
"""A moderator can't act on another moderator or an owner; an owner can act on everybody."""


def may(role: Role | None, action: Action) -> bool:
    """Whether ``role`` holds ``action``. Nobody (None) holds nothing."""
    return role is not None and action in PERMISSIONS[role]
