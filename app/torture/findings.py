"""What was promised, and where it was broken."""

from collections import Counter
from enum import Enum
from typing import NamedTuple

# The first ones are read; the rest only counts.
_SHOWN_PER_PROMISE = 10


class Promise(Enum):
    """What has to hold, whatever happens to clients, network and server."""

    KEPT = "lost", "no acknowledged request is lost"
    REAL = "unheard of", "nothing that was heard is absent later"
    ONCE = "doubled", "nothing is stored twice"
    DENSE = "holes", "a room's log is numbered 1, 2, 3, … without a hole"
    IN_ORDER = "out of order", "every subscriber hears exactly the next event"
    SAME = "disagreements", "everybody hears the same at the same number"
    OWN = "wrong authors", "the author of an event is who sent it"
    RETRY = "bad retries", "a retry is answered with the first answer; what failed left nothing"
    ASKED_ORDER = "overtaken", "requests of one connection reach the log in the order sent"
    SETTLED = "unsettled", "in the end every request is answered and everybody has caught up"

    @property
    def short(self) -> str:
        """For a list of numbers."""
        return self.value[0]

    @property
    def text(self) -> str:
        """The whole sentence."""
        return self.value[1]


class Finding(NamedTuple):
    """One place where a promise was broken."""

    promise: Promise
    room: str
    what: str


class Findings:
    """All of them: each counted, the first of each kind kept."""

    def __init__(self) -> None:
        self.counts: Counter[Promise] = Counter()
        self.first: list[Finding] = []

    def add(self, promise: Promise, room: str, what: str) -> None:
        """Note a broken promise."""
        self.counts[promise] += 1
        if self.counts[promise] <= _SHOWN_PER_PROMISE:
            self.first.append(Finding(promise, room, what))

    def __bool__(self) -> bool:
        return bool(self.counts)
