"""The contents of a database before a measurement: rooms, their members, old messages."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

TEXT_BYTES = 100
# The generator recognises old messages by this prefix.
OLD = "old-%08d "
FILLER = "the quick brown fox jumps over the lazy dog and runs away from the cat, too. 0123456789"


@dataclass(frozen=True)
class Room:
    """A room whose members are in no other room."""

    name: str
    members: int
    messages: int = 0


@dataclass(frozen=True)
class Dataset:
    """A set of rooms. Users are numbered from 0, in the order of their rooms."""

    rooms: tuple[Room, ...]

    @property
    def users(self) -> int:
        """The number of users."""
        return sum(room.members for room in self.rooms)

    def memberships(self) -> Iterator[tuple[int, Room, int]]:
        """Yield each membership: the room's number, the room, the user's number."""
        user = 0
        for number, room in enumerate(self.rooms):
            for _ in range(room.members):
                yield number, room, user
                user += 1

    def first_user(self, room: int) -> int:
        """The number of the first member of a room."""
        return sum(before.members for before in self.rooms[:room])


def username(user: int) -> str:
    """The username for a user's number."""
    return f"user{user}"


def filler_text() -> str:
    """The text after ``OLD`` in an old message, which fills it up to 100 bytes."""
    return FILLER[: TEXT_BYTES - len(OLD % 0)]


def connect_without_sync(path: str) -> sqlite3.Connection:
    """Open a SQLite file without journal and sync, for filling a file that a crash may destroy."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=OFF")
    connection.execute("PRAGMA synchronous=OFF")
    return connection
