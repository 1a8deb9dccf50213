"""
Names of rooms and users: what they may look like, and which are reserved.

A name is lower-cased before anything else, starts and ends with a letter or digit, and has
no two dots in a row, so that it is safe in a path, a log line and a mention.
"""

import re

from app.domain.errors import Invalid, RoomNotFound, UserNotFound
from app.domain.limits import (
    MAX_ROOM_NAME_CHARACTERS,
    MAX_USERNAME_CHARACTERS,
    MIN_USERNAME_CHARACTERS,
)

_SHAPE = re.compile(r"[a-z0-9](?:[a-z0-9_.-]*[a-z0-9])?", re.ASCII)
_RULE = "takes a-z 0-9 _ . -, starts and ends with a letter or digit, no two dots in a row"

DIRECT_PREFIX = "dm-"
"""Direct rooms are called this and 20 random characters; nobody else can take such a name."""

DELETED_PREFIX = "deleted-"
"""What is left of an erased account's name."""

_RESERVED_ROOMS = frozenset({"direct"})
_RESERVED_USERS = frozenset({"me", "system", "operator"})


def _well_formed(name: str) -> bool:
    return _SHAPE.fullmatch(name) is not None and ".." not in name


def new_room_name(text: str) -> str:
    """
    The name that a new room gets for ``text``.

    Raises:
        Invalid: If it can't be a room's name.

    """
    name = text.lower()
    if len(name) > MAX_ROOM_NAME_CHARACTERS or not _well_formed(name):
        raise Invalid.field("name", f"a room's name {_RULE}, 1-{MAX_ROOM_NAME_CHARACTERS} long")
    if name in _RESERVED_ROOMS or name.startswith(DIRECT_PREFIX):
        raise Invalid.field("name", "this name is reserved")
    return name


def new_username(text: str) -> str:
    """
    The name that a new user gets for ``text``.

    Raises:
        Invalid: If it can't be a username.

    """
    name = text.lower()
    length = f"{MIN_USERNAME_CHARACTERS}-{MAX_USERNAME_CHARACTERS} long"
    if not (MIN_USERNAME_CHARACTERS <= len(name) <= MAX_USERNAME_CHARACTERS):
        raise Invalid.field("username", f"a username is {length}")
    if not _well_formed(name):
        raise Invalid.field("username", f"a username {_RULE}, {length}")
    if name in _RESERVED_USERS or name.startswith(DELETED_PREFIX):
        raise Invalid.field("username", "this name is reserved")
    return name


def room_name(text: str) -> str:
    """
    A room's name as somebody wrote it, ready to be looked up.

    Raises:
        RoomNotFound: If no room can have it.

    """
    name = text.lower()
    if len(name) > MAX_ROOM_NAME_CHARACTERS or not _well_formed(name):
        raise RoomNotFound
    return name


def username(text: str) -> str:
    """
    A username as somebody wrote it, ready to be looked up.

    Raises:
        UserNotFound: If nobody can have it.

    """
    name = text.lower()
    if len(name) > MAX_USERNAME_CHARACTERS or not _well_formed(name):
        raise UserNotFound
    return name
