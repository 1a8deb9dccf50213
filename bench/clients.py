"""
Who connects in a scenario, where, and what for.

The sockets of a room belong to different users. A few sockets of each room, the first senders'
and the last reader's, are checked for order and text; all are counted.
"""

from collections.abc import Callable

from bench.generator import Connection
from bench.servers import Parley, Running

# Of the sockets that come first in a room, these are checked.
_CHECKED = 3


def rooms(
    senders: int, stalled: int = 0, replay: int = 0
) -> Callable[[Running], list[Connection]]:
    """Everybody of the world, in their rooms; in each room so many send and so many hang."""

    def connect(running: Running) -> list[Connection]:
        found, place, before = [], 0, -1
        for room, _, user in running.world.seats():
            place = place + 1 if room == before else 0
            before = room
            target, argument = running.server.socket(running.world, room, user, replay)
            members = running.world.rooms[room].members
            hangs = place >= members - stalled
            checked = not hangs and (place < _CHECKED or place == members - stalled - 1)
            found.append(
                Connection(
                    target=target,
                    room=room,
                    argument=argument,
                    sends=place < senders,
                    checked=checked,
                    stalled=hangs,
                )
            )
        return found

    return connect


def arrivals(replay: int) -> Callable[[Running], list[Connection]]:
    """Everybody of the world, to come when the load says so."""
    return rooms(senders=0, replay=replay)


def joiners(running: Running) -> list[Connection]:
    """One open socket for each user, on which the first room is joined again and again."""
    assert isinstance(running.server, Parley)
    room = running.world.rooms[0]
    return [
        Connection(target=f"/ws?token={running.server.token(user)}", argument=room.name)
        for user in range(room.members)
    ]


def pages(room: int, clients: int) -> Callable[[Running], list[Connection]]:
    """Clients that ask for the newest page of a room, one request after the other."""

    def connect(running: Running) -> list[Connection]:
        first = running.world.first_user(room)
        asked = [running.server.page(running.world, room, first + user) for user in range(clients)]
        return [Connection(target=target, argument=token) for target, token in asked]

    return connect
