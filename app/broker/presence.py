"""
Who is present on which node: the contract of stores in which nodes keep that for each other.

Each node writes what is true of itself, under a name that expires unless it is refreshed, and
reads what the others have written. Nothing in it is the truth: a store may be emptied at any time.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple, Protocol, TypeAlias

import orjson

from ..domain.ids import RoomId, UserId
from ..domain.limits import (
    MAX_DISPLAY_NAME_CHARACTERS,
    MAX_INTEGER,
    MAX_PRESENT_LISTED,
    MAX_SHARED_PRESENT,
    MAX_SHARED_PRESENT_BYTES,
    MAX_USERNAME_CHARACTERS,
)
from ..domain.views import Present

Users: TypeAlias = Mapping[UserId, Present | None]
"""Users who are present in a room; None: without their names, which larger rooms don't list."""


class NodeState(NamedTuple):
    """A node that runs, as others see it."""

    node: str
    version: int
    """Changes with each write of the node."""
    seconds: float
    """After which it expires unless it is refreshed."""


class PresenceStore(Protocol):
    """
    Keeps for each node the users of each of its rooms, encoded. Used in the event loop.

    Every method raises ``Unavailable`` if the store can't be reached within a few seconds; what
    was written then is unknown. Safe to cancel, with the same outcome.
    """

    async def replace(
        self, node: str, rooms: Mapping[RoomId, bytes], *, version: int, seconds: float
    ) -> None:
        """Write all that is true of ``node``. It expires after ``seconds``."""

    async def write(
        self,
        node: str,
        rooms: Mapping[RoomId, bytes | None],
        *,
        after: int,
        version: int,
        seconds: float,
    ) -> bool:
        """
        Write what has changed since version ``after``, and let the node expire after ``seconds``.

        Args:
            rooms: None: no one is present any more.

        Returns:
            False, and nothing is written, if the store has another version or none:
            :meth:`replace` is needed.

        """

    async def nodes(self) -> list[NodeState]:
        """Return the nodes that have not expired, :data:`~app.domain.limits.MAX_NODES` at most."""

    async def rooms(
        self, node: str, only: Collection[RoomId] | None = None
    ) -> Mapping[RoomId, bytes]:
        """Return the users of the node's rooms, encoded; of those in ``only``, unless None."""

    async def close(self) -> None:
        """Close the connections. Idempotent."""


def encode(users: Users) -> bytes | None:
    """Encode the users of a room, with their names if they are few; None if there are none."""
    if not users:
        return None
    if len(users) > MAX_PRESENT_LISTED:
        return orjson.dumps(list(users)[:MAX_SHARED_PRESENT])
    return orjson.dumps([[user, *(who or ())] for user, who in users.items()])


def decode(value: bytes) -> Users | None:
    """Return the users of a room; None if they can't be read, or are too many."""
    if len(value) > MAX_SHARED_PRESENT_BYTES:
        return None
    try:
        found = orjson.loads(value)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(found, list) or len(found) > MAX_SHARED_PRESENT:
        return None
    if set(map(type, found)) == {int}:
        # A large room, in a tenth of the time that the loop below takes.
        if not (_is_id(min(found)) and _is_id(max(found))):
            return None
        return dict.fromkeys(map(UserId, found))
    users: dict[UserId, Present | None] = {}
    for one in found:
        match one:
            case [int(user)] if _is_id(user):
                users[UserId(user)] = None
            case [int(user), str(username), str(display_name)] if (
                _is_id(user)
                and 0 < len(username) <= MAX_USERNAME_CHARACTERS
                and 0 < len(display_name) <= MAX_DISPLAY_NAME_CHARACTERS
            ):
                users[UserId(user)] = Present(username, display_name)
            case _:
                return None
    return users


def is_node_name(name: str) -> bool:
    """Whether a node can be called so: a few ASCII letters and digits."""
    return name.isascii() and name.isalnum() and len(name) <= 32


def _is_id(value: int) -> bool:
    return not isinstance(value, bool) and 0 < value <= MAX_INTEGER
