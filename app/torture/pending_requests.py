"""
What one client has asked for and has no answer to: sent, sent again, answered, given up.

No I/O and no clock: every method that needs the time is told it.
"""

from random import Random

from app.torture.findings import Promise
from app.torture.history import Frame, History, Kind, Outcome
from app.torture.plan import ANSWER_SECONDS
from app.torture.request_generator import PendingRequest, RequestGenerator

# Answers after which the same request, with the same id, has better luck later.
RETRYABLE_CODES = frozenset({"rate_limited", "slow_mode", "unavailable", "internal"})
# Of a hundred requests that were cut off, so many are never tried again.
_GIVE_UP_PERCENT = 3
# Before the next try, where the server doesn't say.
_RETRY_SECONDS = 0.5
_NOT_DUE = float("inf")


class PendingRequests:
    """The open requests of one client, in the order in which they were made."""

    def __init__(self, name: str, history: History, talker: RequestGenerator, rng: Random) -> None:
        self._name = name
        self._history = history
        self._generator = talker
        self._rng = rng
        self._open: dict[str, PendingRequest] = {}
        # Of this connection: how many requests it has taken, and where answered ones stand.
        self._orders = 0
        self._placed: dict[str, list[tuple[int, int]]] = {}

    def __len__(self) -> int:
        return len(self._open)

    def connects(self, *, give_up: bool) -> None:
        """
        Another connection: ask anew for everything, for nobody knows whether it arrived.

        Args:
            give_up: Whether some messages may be left to their fate.

        """
        self._placed, self._orders = {}, 0
        for asked in list(self._open.values()):
            request = self._history.requests[asked.id]
            optional = request.kind is Kind.SEND and request.outcome is Outcome.OPEN
            if give_up and optional and self._rng.randrange(100) < _GIVE_UP_PERCENT:
                del self._open[asked.id]
                self._history.record_give_up(asked.id)
            else:
                asked.due = 0.0

    def due(self, now: float) -> list[PendingRequest]:
        """What is to be sent now."""
        return [asked for asked in self._open.values() if asked.due <= now]

    def new(self) -> PendingRequest:
        """Something more to ask for."""
        asked = self._generator.next()
        self._open[asked.id] = asked
        return asked

    def sent(self, asked: PendingRequest, now: float) -> None:
        """It is about to be sent."""
        if asked.sent_at is not None:
            self._history.counts["retried"] += 1
        self._orders += 1
        asked.order, asked.sent_at, asked.due = self._orders, now, _NOT_DUE

    def acknowledged(self, frame: Frame) -> None:
        """An ``ack`` came."""
        seq, duplicate = frame.get("seq"), frame.get("duplicate", False)
        asked = self._open.pop(frame.get("re", ""), None)
        if asked is None:
            # One answer too many: to be compared with the first.
            if frame.get("re") in self._history.requests:
                self._history.answers(frame["re"], seq, duplicate=duplicate)
            return
        self._history.answers(asked.id, seq, duplicate=duplicate)
        if seq is not None and not duplicate:
            self._placed.setdefault(asked.room, []).append((asked.order, seq))
        asked.sent_at = None
        self._generator.answered(asked, seq)

    def refused(self, frame: Frame, now: float) -> bool:
        """An ``error`` came; answers whether it was about one of these."""
        asked = self._open.get(frame.get("re", ""))
        if asked is None:
            return False
        if frame["code"] in RETRYABLE_CODES:
            self._history.counts[f"later: {frame['code']}"] += 1
            asked.due = now + (frame.get("retry_after") or _RETRY_SECONDS)
        else:
            del self._open[asked.id]
            self._history.record_refusal(asked.id, frame["code"])
        return True

    def is_overdue(self, now: float, listening_since: float) -> bool:
        """Whether the server owes an answer for too long. It is noted, then."""
        for asked in self._open.values():
            if asked.due != _NOT_DUE or asked.sent_at is None:
                continue
            if now - max(asked.sent_at, listening_since) > ANSWER_SECONDS:
                what = f"{self._name} had no answer to {asked.id} in {ANSWER_SECONDS:.0f} s"
                self._history.findings.add(Promise.SETTLED, asked.room, what)
                return True
        return False

    def check_order(self) -> None:
        """The connection is over: what it asked for stands in the order in which it asked."""
        for room, placed in self._placed.items():
            seqs = [seq for _, seq in sorted(placed)]
            if seqs != sorted(seqs):
                what = f"{self._name} sent one after the other, and they stand as {seqs}"
                self._history.findings.add(Promise.ASKED_ORDER, room, what)
