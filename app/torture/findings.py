"""The promises that a run checks, and the places where one was broken."""

from collections import Counter
from enum import Enum
from typing import NamedTuple

# Findings per promise that are kept and reported; the rest are only counted.
_SHOWN_PER_PROMISE = 10


class Promise(Enum):
    """
    What must hold under any fault of clients, network and server.

    The lower-case names are keys of the JSON report: never rename one.

    """

    KEPT = "lost", "no acknowledged request is lost"
    REAL = "phantoms", "nothing that was received is missing from the log later"
    ONCE = "duplicated", "nothing is stored twice"
    DENSE = "gaps", "a room's log is numbered 1, 2, 3, … without a gap"
    IN_ORDER = "out of order", "every subscriber receives exactly the next event"
    SAME = "inconsistent", "every client receives the same event for the same seq"
    OWN = "wrong authors", "the author of an event is the user who sent it"
    RETRY = (
        "bad retries",
        "a retry gets the answer of the first try, and a refused request stores nothing",
    )
    ASKED_ORDER = "reordered", "requests of one connection are stored in the order sent"
    SETTLED = "unsettled", "in the end every request is answered and every client has caught up"

    @property
    def short(self) -> str:
        """A label for counts."""
        return self.value[0]

    @property
    def text(self) -> str:
        """The promise as a clause."""
        return self.value[1]


class Finding(NamedTuple):
    """One place where a promise was broken."""

    promise: Promise
    room: str
    what: str


class Findings:
    """The findings of a run. All are counted; the first ones of each promise are kept."""

    def __init__(self) -> None:
        self.counts: Counter[Promise] = Counter()
        self.first: list[Finding] = []

    def add(self, promise: Promise, room: str, what: str) -> None:
        """Record a broken promise. ``room`` may be empty."""
        self.counts[promise] += 1
        if self.counts[promise] <= _SHOWN_PER_PROMISE:
            self.first.append(Finding(promise, room, what))

    def __bool__(self) -> bool:
        return bool(self.counts)
