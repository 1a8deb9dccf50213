"""
Roles and the actions they allow: one table, which a test compares with ``docs/permissions.md``.

A role allows everything that the roles below it allow. An administrator of the installation acts
as owner in every public room and in private rooms that they are a member of. The checks
themselves are in :mod:`app.domain.authorization`.
"""

from enum import StrEnum


class Kind(StrEnum):
    """The kind of a room: decides who can find and join it."""

    PUBLIC = "public"
    PRIVATE = "private"
    DIRECT = "direct"


class Role(StrEnum):
    """The role of a member."""

    OWNER = "owner"
    MODERATOR = "moderator"
    MEMBER = "member"


class Action(StrEnum):
    """What a role can allow. Reading is not listed: it depends on the kind of the room."""

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


ROOM_MENTION_ROLE = Role.MODERATOR
"""The lowest role that may mention the whole room, unless the room is set to another one."""


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
"""A moderator can't act on other moderators or on owners; an owner can act on all members."""


def has_rank(role: Role | None, lowest: Role) -> bool:
    """Whether ``role`` is ``lowest`` or a higher one. None is no role."""
    return role is not None and RANK[role] >= RANK[lowest]


def may(role: Role | None, action: Action) -> bool:
    """Whether ``role`` allows ``action``. None, the role of a non-member, allows nothing."""
    return role is not None and action in PERMISSIONS[role]
