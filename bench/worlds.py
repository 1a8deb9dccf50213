"""What is in a database before a measurement begins: rooms, their members, old messages."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

TEXT_BYTES = 100
# The generator knows an old message by its first letters.
OLD = "old-%08d "
FILLER = "the quick brown fox jumps over the lazy dog and runs away from the cat, too. 0123456789"


@dataclass(frozen=True)
class Room:
    """A room. Its members are in no other room."""

    name: str
    members: int
    messages: int = 0


@dataclass(frozen=True)
class World:
    """The rooms. Users are numbered from 0, in the order of the rooms that they are in."""

    rooms: tuple[Room, ...]

    @property
    def users(self) -> int:
        """How many there are in all."""
        return sum(room.members for room in self.rooms)

    def seats(self) -> Iterator[tuple[int, Room, int]]:
        """Each membership: the room's number, the room, the user's number."""
        user = 0
        for number, room in enumerate(self.rooms):
            for _ in range(room.members):
                yield number, room, user
                user += 1

    def first_user(self, room: int) -> int:
        """The number of the first member of a room."""
        return sum(before.members for before in self.rooms[:room])


def username(user: int) -> str:
    """What the user with this number is called."""
    return f"user{user}"


def fill_text() -> str:
    """What follows ``OLD`` in an old message, so that it has 100 bytes."""
    return FILLER[: TEXT_BYTES - len(OLD % 0)]


def fast(path: str) -> sqlite3.Connection:
    """A connection for filling a file that nobody needs after a crash."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=OFF")
    connection.execute("PRAGMA synchronous=OFF")
    return connection
