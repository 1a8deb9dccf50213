"""
Lines that a fault repeats: one per kind and minute, and how many there were.

While a database is away, each request and each task would log the same line.
"""

import copy
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TextIO

from ..domain.server_limits import MAX_REPEATED_KINDS, REPEATED_LINE_SECONDS

_SUFFIXES = (".failed", ".waits_for_database", ".batch_refused", ".append_refused", ".not_swept")
# Each of these is about another person: none is left out.
_SECURITY = ("login.", "user.", "operator.")

Later = Callable[[float, Callable[[], None]], object]
"""Calls a function after so many seconds, in whatever thread."""


@dataclass(slots=True)
class _Kind:
    """Lines of one kind."""

    passed: float
    """When one was passed last."""
    left_out: int = 0
    """How many were left out since."""
    newest: logging.LogRecord | None = None
    """The last one of those."""


class RepeatFilter(logging.Filter):
    """
    Passes the first line of a kind, and the next one a minute later with ``repeated``.

    ``repeated`` is the number of lines of this kind that were left out since the one before. If no
    next one comes, the last one that was left out is written after the minute: it says when the
    fault was last seen, and how often. Two lines are of one kind if they have the same event,
    error (or ``kind``, which stands for the errors of one cause) and traceback. Safe from any
    thread.

    Args:
        write: Writes a line that was left out before.
        now: A clock that never goes back, in seconds.
        later: What waits for the end of the minute.

    """

    def __init__(
        self,
        write: Callable[[logging.LogRecord], None],
        *,
        now: Callable[[], float] = time.monotonic,
        later: Later | None = None,
    ) -> None:
        super().__init__()
        self._write = write
        self._now = now
        self._later = later or _in_a_thread
        self._lock = threading.Lock()
        self._kinds: dict[tuple[str, str, str], _Kind] = {}
        # Whether the end of a minute is being waited for.
        self._waiting = False

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is to be written; adds ``repeated`` to it."""
        try:
            event = record.getMessage()
        except Exception:  # a broken call: logging reports it
            return True
        if record.levelno < logging.WARNING or not event.endswith(_SUFFIXES):
            return True
        if event.startswith(_SECURITY):
            return True
        key = (event, str(_fact(record, "kind") or _fact(record, "error")), record.exc_text or "")
        now = self._now()
        with self._lock:
            is_new = key not in self._kinds
            forgotten = self._take_all() if is_new and self._is_full else []
            kind = self._kinds.setdefault(key, _Kind(now - REPEATED_LINE_SECONDS))
            if now - kind.passed < REPEATED_LINE_SECONDS:
                kind.left_out += 1
                kind.newest = _without_frames(record)
                self._wait(REPEATED_LINE_SECONDS - (now - kind.passed))
                return False
            left_out = kind.left_out
            self._kinds[key] = _Kind(now)
        if left_out:
            record.repeated = left_out
        self._write_all(forgotten)
        return True

    def finish(self) -> None:
        """Write what was left out so far, without waiting for the end of the minute."""
        with self._lock:
            taken = self._take_all()
        self._write_all(taken)

    @property
    def _is_full(self) -> bool:
        return len(self._kinds) >= MAX_REPEATED_KINDS

    def _take_all(self) -> list[_Kind]:
        taken = [kind for kind in self._kinds.values() if kind.left_out]
        self._kinds.clear()
        return taken

    def _wait(self, seconds: float) -> None:
        if not self._waiting:
            self._waiting = True
            self._later(seconds, self._end_of_a_minute)

    def _end_of_a_minute(self) -> None:
        """Write what was left out of kinds of which no further line has come."""
        now = self._now()
        with self._lock:
            due = {
                key: kind
                for key, kind in self._kinds.items()
                if kind.left_out and now - kind.passed >= REPEATED_LINE_SECONDS
            }
            for key in due:
                self._kinds[key] = _Kind(now)
            pending = [kind.passed for kind in self._kinds.values() if kind.left_out]
            self._waiting = False
            if pending:
                self._wait(min(pending) + REPEATED_LINE_SECONDS - now)
        self._write_all(list(due.values()))

    def _write_all(self, kinds: list[_Kind]) -> None:
        for kind in kinds:
            assert kind.newest is not None
            if kind.left_out > 1:
                kind.newest.repeated = kind.left_out - 1
            self._write(kind.newest)


class RepeatHandler(logging.StreamHandler[TextIO]):
    """Writes lines to a stream, those that a fault repeats once a minute."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._repeats = RepeatFilter(self._write)
        self.addFilter(self._repeats)

    def close(self) -> None:
        """Write what was left out; at the end of the process logging calls it."""
        self._repeats.finish()
        super().close()

    def _write(self, record: logging.LogRecord) -> None:
        with self.lock or threading.Lock():
            self.emit(record)


def _fact(record: logging.LogRecord, name: str) -> object:
    return getattr(record, name, getattr(record, "facts", {}).get(name, ""))


def _without_frames(record: logging.LogRecord) -> logging.LogRecord:
    """A copy that keeps the text of the traceback, and none of the objects in it."""
    kept = copy.copy(record)
    kept.exc_info = None
    return kept


def _in_a_thread(seconds: float, call: Callable[[], None]) -> None:
    # Not of the event loop: lines come from threads, and before there is a loop.
    timer = threading.Timer(seconds, call)
    timer.daemon = True
    timer.name = "repeated log lines"
    timer.start()
