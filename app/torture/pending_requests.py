"""
The requests of one client that have no answer yet: sent, sent again, answered, given up.

No I/O and no clock: methods that need the time take it as an argument.
"""

from random import Random

from .findings import Promise
from .history import Frame, History, Kind, Outcome
from .plan import ANSWER_SECONDS
from .request_generator import PendingRequest, RequestGenerator

# Error codes after which the same request, with the same id, may succeed later.
RETRYABLE_CODES = frozenset({"rate_limited", "slow_mode", "unavailable", "internal"})
# Percentage of interrupted requests that are never tried again.
_GIVE_UP_PERCENT = 3
# Delay of a retry if the server gives none.
_RETRY_SECONDS = 0.5
_NOT_DUE = float("inf")


class PendingRequests:
    """The open requests of one client, in the order in which they were created."""

    def __init__(
        self, name: str, history: History, generator: RequestGenerator, rng: Random
    ) -> None:
        self._name = name
        self._history = history
        self._generator = generator
        self._rng = rng
        self._open: dict[str, PendingRequest] = {}
        # Per connection: how many requests were sent, and (order, seq) of the stored ones by room.
        self._orders = 0
        self._placed: dict[str, list[tuple[int, int]]] = {}

    def __len__(self) -> int:
        return len(self._open)

    def on_connect(self, *, give_up: bool) -> None:
        """
        Start a connection: every open request is due, because its answer may have been lost.

        Args:
            give_up: Whether some messages may be dropped instead, never to be retried.

        """
        self._placed, self._orders = {}, 0
        for pending in list(self._open.values()):
            request = self._history.requests[pending.id]
            optional = request.kind is Kind.SEND and request.outcome is Outcome.OPEN
            if give_up and optional and self._rng.randrange(100) < _GIVE_UP_PERCENT:
                del self._open[pending.id]
                self._history.record_give_up(pending.id)
            else:
                pending.due = 0.0

    def due(self, now: float) -> list[PendingRequest]:
        """The requests to send now."""
        return [request for request in self._open.values() if request.due <= now]

    def create(self) -> PendingRequest:
        """Create another request. It is sent by the caller, or by the next ``due``."""
        request = self._generator.next()
        self._open[request.id] = request
        return request

    def mark_sent(self, request: PendingRequest, now: float) -> None:
        """Record that ``request`` is about to be sent."""
        if request.sent_at is not None:
            self._history.counts["retried"] += 1
        self._orders += 1
        request.order, request.sent_at, request.due = self._orders, now, _NOT_DUE

    def on_ack(self, frame: Frame) -> None:
        """Handle an ``ack`` frame."""
        seq, duplicate = frame.get("seq"), frame.get("duplicate", False)
        request = self._open.pop(frame.get("re", ""), None)
        if request is None:
            # Already answered: history compares this answer with the first one.
            if frame.get("re") in self._history.requests:
                self._history.record_ack(frame["re"], seq, duplicate=duplicate)
            return
        self._history.record_ack(request.id, seq, duplicate=duplicate)
        if seq is not None and not duplicate:
            self._placed.setdefault(request.room, []).append((request.order, seq))
        request.sent_at = None
        self._generator.on_ack(request, seq)

    def on_error(self, frame: Frame, now: float) -> bool:
        """Handle an ``error`` frame; returns whether it answers one of these requests."""
        request = self._open.get(frame.get("re", ""))
        if request is None:
            return False
        if frame["code"] in RETRYABLE_CODES:
            self._history.counts[f"later: {frame['code']}"] += 1
            request.due = now + (frame.get("retry_after") or _RETRY_SECONDS)
        else:
            del self._open[request.id]
            self._history.record_refusal(request.id, frame["code"])
        return True

    def is_overdue(self, now: float, reading_since: float) -> bool:
        """
        Whether a request has had no answer for too long. If so, that is recorded as a finding.

        Args:
            reading_since: When the client last resumed reading after a stall.

        """
        for request in self._open.values():
            if request.due != _NOT_DUE or request.sent_at is None:
                continue
            if now - max(request.sent_at, reading_since) > ANSWER_SECONDS:
                what = f"{self._name} had no answer to {request.id} in {ANSWER_SECONDS:.0f} s"
                self._history.findings.add(Promise.SETTLED, request.room, what)
                return True
        return False

    def check_order(self) -> None:
        """End a connection: check that its requests were stored in the order sent."""
        for room, placed in self._placed.items():
            seqs = [seq for _, seq in sorted(placed)]
            if seqs != sorted(seqs):
                what = (
                    f"{self._name} sent requests one by one, and their order in the log is {seqs}"
                )
                self._history.findings.add(Promise.ASKED_ORDER, room, what)
