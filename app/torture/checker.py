"""
Compares what the clients requested and received with a room's whole log, read at the end.

No I/O: call ``check`` with each event of the log in order, then ``finish``.
"""

from bisect import bisect_left, bisect_right

from .findings import Promise
from .history import (
    DELETED,
    EDITED,
    SENT,
    Frame,
    History,
    Kind,
    Outcome,
    Request,
    content_version,
    fixed_digest,
    format_event,
)

_KINDS = {kind.value: kind for kind in Kind}


class Checker:
    """The final comparison for one room."""

    def __init__(self, history: History, room: str) -> None:
        self._findings = history.findings
        self._history = history
        self._name = room
        self._room = history.rooms[room]
        self._last = 0
        self.events = 0
        """How many events were checked."""
        # Acknowledged requests that were not found in the log yet, by id; and all of them, by the
        # seq of their acknowledgement.
        self._missing: dict[str, Request] = {}
        self._claims: dict[int, list[Request]] = {}
        # Seqs of the messages found, by request id.
        self._sent: dict[str, int] = {}
        # State of messages according to the log: seqs, edits, deletions, content versions.
        self._messages: list[int] = []
        self._edits: dict[int, list[tuple[int, Request]]] = {}
        self._deleted: set[int] = set()
        self._versions: dict[int, bytes | None] = {}
        self._originals: dict[int, Request] = {}
        # Messages with an edit that matches no acknowledged request: content can't be compared.
        self._unclear: set[int] = set()
        self._claim()

    def check(self, event: Frame) -> None:
        """Check the next event of the log."""
        self.events += 1
        seq = event["seq"]
        if seq != self._last + 1:
            self._add(Promise.DENSE, f"the log goes from seq {self._last} to {seq}")
        self._last = max(seq, self._last)
        received = self._room.received.get(seq)
        if received is not None and received.fixed != fixed_digest(event):
            what = f"what was received as seq {seq} is {format_event(event)} in the log"
            self._add(Promise.SAME, what)
        kind = _KINDS.get(event["type"])
        if kind is Kind.SEND:
            self._message(seq, event)
        elif kind is not None:
            self._change(seq, kind, event)

    def finish(self) -> None:
        """Check what is missing from the log, and the content that was received."""
        for request in self._missing.values():
            self._add(
                Promise.KEPT,
                f"{request.kind.name.lower()} {request.id} of {request.user} was acknowledged "
                f"as seq {request.seq} and is missing from the log (head {self._last})",
            )
        for seq in self._room.received:
            if seq > self._last:
                self._add(
                    Promise.REAL, f"seq {seq} was received, but the log ends at {self._last}"
                )
        for seq in self._originals:
            self._compare_message(seq)
        for ref, edits in self._edits.items():
            for seq, _ in edits:
                self._compare_edit(seq, ref)
        self._compare_pages()

    # Requests

    def _claim(self) -> None:
        for request in self._history.requests.values():
            if request.room != self._name or request.outcome is not Outcome.DONE:
                continue
            if request.seq is None:
                continue
            others = self._claims.setdefault(request.seq, [])
            if others:
                self._add(
                    Promise.ONCE,
                    f"{others[0].id} and {request.id} were both acknowledged as seq {request.seq}",
                )
            others.append(request)
            self._missing[request.id] = request

    def _message(self, seq: int, event: Frame) -> None:
        self._messages.append(seq)
        self._versions[seq] = content_version(event)
        id_, by = event.get("id"), event.get("by")
        request = self._history.requests.get(id_) if isinstance(id_, str) else None
        if request is None or request.room != self._name or request.kind is not Kind.SEND:
            if by in self._history.users:
                self._add(Promise.OWN, f"seq {seq} is by {by}, who never sent it")
            return
        if by != request.user:
            self._add(Promise.OWN, f"seq {seq} is by {by}; {request.user} sent it")
        if request.id in self._sent:
            first = self._sent[request.id]
            what = f"message {request.id} is in the log as seq {first} and as seq {seq}"
            self._add(Promise.ONCE, what)
            return
        self._sent[request.id] = seq
        self._originals[seq] = request
        self._missing.pop(request.id, None)
        if request.outcome is Outcome.REFUSED:
            what = f"message {request.id} was refused, but is in the log as seq {seq}"
            self._add(Promise.RETRY, what)
        elif request.outcome is Outcome.DONE and request.seq != seq:
            what = f"message {request.id} was acknowledged as seq {request.seq}, but is seq {seq}"
            self._add(Promise.RETRY, what)

    def _change(self, seq: int, kind: Kind, event: Frame) -> None:
        ref, by = event.get("ref"), event.get("by")
        assert isinstance(ref, int)
        if kind is Kind.DELETE:
            self._deleted.add(ref)
        if kind is Kind.EDIT:
            self._versions[seq] = content_version(event)
        matching = (r for r in self._claims.get(seq, ()) if (r.kind, r.ref) == (kind, ref))
        request = next(matching, None)
        if request is None:
            if kind is Kind.EDIT:
                self._unclear.add(ref)
            if by in self._history.users and not self._unanswered(kind, ref):
                what = f"{format_event(event)} was never requested, or is stored twice"
                self._add(Promise.ONCE, what)
            return
        self._missing.pop(request.id, None)
        if by != request.user:
            self._add(Promise.OWN, f"seq {seq} is by {by}; {request.user} requested it")
        if request.emoji != event.get("emoji"):
            self._add(Promise.SAME, f"seq {seq} has another emoji than was requested")
        if kind is Kind.EDIT:
            self._edits.setdefault(ref, []).append((seq, request))

    def _unanswered(self, kind: Kind, ref: int) -> bool:
        return any(
            request.kind is kind and request.ref == ref
            for request in self._history.open_requests(self._name)
        )

    # Content

    def _compare_message(self, seq: int) -> None:
        edits = self._edits.get(seq, [])
        possible = {SENT + self._originals[seq].digest}
        possible.update(EDITED + edit.digest for _, edit in edits)
        now = EDITED + edits[-1][1].digest if edits else SENT + self._originals[seq].digest
        self._compare(seq, seq, possible, now)

    def _compare_edit(self, seq: int, ref: int) -> None:
        later = [EDITED + edit.digest for at, edit in self._edits[ref] if at >= seq]
        self._compare(seq, ref, set(later), later[-1])

    def _compare(self, seq: int, message: int, possible: set[bytes], now: bytes) -> None:
        if message in self._unclear:
            return
        if message in self._deleted:
            possible, now = possible | {DELETED}, DELETED
        if self._versions[seq] != now:
            self._add(
                Promise.SAME, f"seq {seq} has other content in the log than was last written"
            )
        received = self._room.received.get(seq)
        if received is not None and not received.versions <= possible:
            self._add(Promise.SAME, f"seq {seq} was received with content that was never written")

    def _compare_pages(self) -> None:
        for page in self._room.pages:
            upto = bisect_right(self._messages, page.upto)
            expected = upto - bisect_left(self._messages, page.first)
            if page.messages != expected or page.messages < min(page.limit, upto):
                self._add(
                    Promise.IN_ORDER,
                    f"a join without since received {page.messages} messages from {page.first} "
                    f"to {page.upto}; the log has {expected} there, and {upto} up to {page.upto}",
                )

    def _add(self, promise: Promise, what: str) -> None:
        self._findings.add(promise, self._name, what)
