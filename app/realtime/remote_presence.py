"""Which users are present on other nodes, as far as this node has been told."""

from collections.abc import Callable, Iterable

from ..broker.presence import Users
from ..domain.ids import RoomId, UserId
from ..domain.limits import MAX_REMOTE_PRESENT
from ..domain.views import Present

_NO_USERS: Users = {}


class RemotePresence:
    """
    The users of each room by node, and who of them comes to a room or leaves the last node.

    Owned by the event loop; never awaits. Bounded: a room for which there is no place keeps the
    users that it had.
    """

    def __init__(self, *, max_present: int = MAX_REMOTE_PRESENT) -> None:
        self.on_came: Callable[[RoomId, UserId, Present | None], None] | None = None
        """Called for a user who was on none of the other nodes. It must not await or raise."""
        self.on_left: Callable[[RoomId, UserId], None] | None = None
        """Called for a user who is on none of the other nodes any more, likewise."""
        self._max_present = max_present
        self._present = 0
        self._rooms: dict[RoomId, dict[str, Users]] = {}
        self._of_node: dict[str, set[RoomId]] = {}

    def users(self, room: RoomId) -> Users:
        """The users of a room who are present on other nodes; None for an unknown name."""
        nodes = self._rooms.get(room)
        if nodes is None:
            return _NO_USERS
        users: dict[UserId, Present | None] = {}
        for of_node in nodes.values():
            for user, who in of_node.items():
                users[user] = who or users.get(user)
        return users

    def has(self, room: RoomId, user: UserId) -> bool:
        """Whether a user is present on another node."""
        return any(user in users for users in self._rooms.get(room, {}).values())

    def rooms_of(self, node: str) -> Iterable[RoomId]:
        """The rooms in which users are present on ``node``."""
        return tuple(self._of_node.get(node, ()))

    def update(self, node: str, room: RoomId, users: Users) -> None:
        """Replace the users of a room on one node."""
        nodes = self._rooms.get(room, {})
        before = nodes.get(node, _NO_USERS)
        present = self._present + len(users) - len(before)
        if len(users) > len(before) and present > self._max_present:
            return
        self._present = present
        if users:
            self._rooms.setdefault(room, nodes)[node] = users
            self._of_node.setdefault(node, set()).add(room)
        elif before:
            self._remove(node, room, nodes)
        for user in before.keys() - users.keys():
            if self.on_left is not None and not self.has(room, user):
                self.on_left(room, user)
        for user in users.keys() - before.keys():
            others = (of_node for name, of_node in nodes.items() if name != node)
            if self.on_came is not None and not any(user in of_node for of_node in others):
                self.on_came(room, user, users[user])

    def drop(self, node: str) -> None:
        """Forget a node: its users have left, unless they are present elsewhere."""
        for room in self.rooms_of(node):
            self.update(node, room, _NO_USERS)

    def _remove(self, node: str, room: RoomId, nodes: dict[str, Users]) -> None:
        del nodes[node]
        if not nodes:
            del self._rooms[room]
        self._of_node[node].discard(room)
        if not self._of_node[node]:
            del self._of_node[node]
