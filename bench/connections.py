"""
The connections of a scenario: their targets and roles.

The sockets of a room belong to different users. A few sockets of each room, those of the first
senders and of the last reader, are checked for order and text. All are counted.
"""

from collections.abc import Callable

from bench.generator import Connection
from bench.servers import Parley, RunningServer, TutorialStore

# The first sockets of each room, this many, are checked.
_CHECKED = 3


def room_clients(
    senders: int, stalled: int = 0, replay: int = 0
) -> Callable[[RunningServer], list[Connection]]:
    """All users in their rooms; ``senders`` of each room send, and ``stalled`` never read."""

    def connect(running: RunningServer) -> list[Connection]:
        found, place, before = [], 0, -1
        for room, _, user in running.dataset.memberships():
            place = place + 1 if room == before else 0
            before = room
            target, argument = running.server.socket(running.dataset, room, user, replay)
            members = running.dataset.rooms[room].members
            is_stalled = place >= members - stalled
            checked = not is_stalled and (place < _CHECKED or place == members - stalled - 1)
            found.append(
                Connection(
                    target=target,
                    room=room,
                    argument=argument,
                    sends=place < senders,
                    checked=checked,
                    stalled=is_stalled,
                )
            )
        return found

    return connect


def arriving_clients(replay: int) -> Callable[[RunningServer], list[Connection]]:
    """All users, connecting when the load says so; none sends."""
    return room_clients(senders=0, replay=replay)


def joining_clients(running: RunningServer) -> list[Connection]:
    """One open socket per user, on which the first room is joined repeatedly."""
    assert isinstance(running.server, Parley)
    room = running.dataset.rooms[0]
    return [
        Connection(target=f"/ws?token={running.server.token(user)}", argument=room.name)
        for user in range(room.members)
    ]


def page_clients(room: int, clients: int) -> Callable[[RunningServer], list[Connection]]:
    """Clients that request the newest page of a room, one request at a time."""

    def connect(running: RunningServer) -> list[Connection]:
        first = running.dataset.first_user(room)
        asked = [
            running.server.page(running.dataset, room, first + user) for user in range(clients)
        ]
        return [Connection(target=target, argument=token) for target, token in asked]

    return connect


def requesting_clients(path: str, clients: int) -> Callable[[RunningServer], list[Connection]]:
    """Members of the first room that send one request after the other to ``path``."""

    def connect(running: RunningServer) -> list[Connection]:
        server = running.server
        assert isinstance(server, (Parley, TutorialStore))
        target = path.format(room=running.dataset.rooms[0].name)
        return [Connection(target=target, argument=server.token(user)) for user in range(clients)]

    return connect
