"""
Names of rooms and users: their syntax, and which are reserved.

A name is lower-cased first. It starts and ends with a letter or digit and has no two dots in a
row, so it is safe in a path, a log line and a mention.
"""

import re

from .errors import Invalid, RoomNotFound, UserNotFound
from .ids import UserId
from .limits import MAX_ROOM_NAME_CHARACTERS, MAX_USERNAME_CHARACTERS, MIN_USERNAME_CHARACTERS

_SHAPE = re.compile(r"[a-z0-9](?:[a-z0-9_.-]*[a-z0-9])?", re.ASCII)
_RULE = (
    "contains only a-z 0-9 _ . -, starts and ends with a letter or digit,"
    " and has no two dots in a row"
)

DIRECT_PREFIX = "dm-"
"""Starts the names of direct rooms, before 20 random characters. Reserved."""

DELETED_PREFIX = "deleted-"
"""Starts the names of erased accounts, before the user's id. Reserved."""

_RESERVED_ROOMS = frozenset({"direct"})
_RESERVED_USERS = frozenset({"me", "system", "operator"})

# Names that mean all members, or an authority: a user who had one would speak for others.
# Compared without the characters that separate words, so that `ad.min` is `admin`.
_SEPARATORS = str.maketrans("", "", "._-")
_FOR_OPERATORS = frozenset(
    """
    all any anybody anyone channel everybody everyone group here members nobody noone online
    people room rooms server someone somebody team user users
    abuse admin administration administrator administrators admins bot help helpdesk hostmaster
    info mod moderation moderator moderators mods noreply official operations operators ops owner
    owners parley postmaster privacy root security service staff superuser support sysadmin
    sysop systems webmaster
    anonymous deleted guest null undefined unknown
    """.split()
)


def _well_formed(name: str) -> bool:
    return _SHAPE.fullmatch(name) is not None and ".." not in name


def new_room_name(text: str) -> str:
    """
    The name of a new room, normalized from ``text``.

    Raises:
        Invalid: If it is not a valid name, or is reserved.

    """
    name = text.lower()
    if len(name) > MAX_ROOM_NAME_CHARACTERS or not _well_formed(name):
        raise Invalid.field(
            "name", f"a room name {_RULE}; 1 to {MAX_ROOM_NAME_CHARACTERS} characters"
        )
    if name in _RESERVED_ROOMS or name.startswith(DIRECT_PREFIX):
        raise Invalid.field("name", "this name is reserved")
    return name


def erased_username(user: UserId) -> str:
    """The name of an account that was erased."""
    return f"{DELETED_PREFIX}{user}"


def new_username(text: str, *, by_operator: bool = False) -> str:
    """
    The username of a new user, normalized from ``text``.

    Args:
        by_operator: Whether an operator or administrator chooses it, who may take names that mean
            all members or an authority.

    Raises:
        Invalid: If it is not a valid name, or is reserved.

    """
    name = text.lower()
    length = f"{MIN_USERNAME_CHARACTERS} to {MAX_USERNAME_CHARACTERS} characters"
    if not (MIN_USERNAME_CHARACTERS <= len(name) <= MAX_USERNAME_CHARACTERS):
        raise Invalid.field("username", f"a username has {length}")
    if not _well_formed(name):
        raise Invalid.field("username", f"a username {_RULE}; {length}")
    if name in _RESERVED_USERS or name.startswith(DELETED_PREFIX):
        raise Invalid.field("username", "this name is reserved")
    if not by_operator and name.translate(_SEPARATORS) in _FOR_OPERATORS:
        raise Invalid.field("username", "this name is reserved")
    return name


def room_name(text: str) -> str:
    """
    The name to look up for ``text``. Reserved names are allowed: such rooms may exist.

    Raises:
        RoomNotFound: If no room can have this name.

    """
    name = text.lower()
    if len(name) > MAX_ROOM_NAME_CHARACTERS or not _well_formed(name):
        raise RoomNotFound
    return name


def username(text: str) -> str:
    """
    The username to look up for ``text``. Reserved names are allowed.

    Raises:
        UserNotFound: If no user can have this name.

    """
    name = text.lower()
    if len(name) > MAX_USERNAME_CHARACTERS or not _well_formed(name):
        raise UserNotFound
    return name
