"""
Lines that a fault repeats: one per kind and minute, and how many there were.

While a database is away, each request and each task would log the same line.
"""

import logging
import threading
import time
from collections.abc import Callable

from ..domain.limits import MAX_REPEATED_KINDS, REPEATED_LINE_SECONDS

_SUFFIXES = (".failed", ".waits_for_database", ".batch_refused", ".append_refused", ".not_swept")
# Each of these is about another person: none is left out.
_SECURITY = ("login.", "user.", "operator.")


class RepeatFilter(logging.Filter):
    """
    Passes the first line of a kind, and the next one a minute later with ``repeated``.

    ``repeated`` is the number of lines of this kind that were left out since the one before. Two
    lines are of one kind if they have the same event, error and traceback. Safe from any thread.

    Args:
        now: A clock that never goes back, in seconds.

    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._now = now
        self._lock = threading.Lock()
        # When a line of the kind was passed last, and how many were left out since.
        self._kinds: dict[tuple[str, str, str], tuple[float, int]] = {}

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
        facts = getattr(record, "facts", {})
        error = str(getattr(record, "error", facts.get("error", "")))
        kind = (event, error, record.exc_text or "")
        now = self._now()
        with self._lock:
            passed, left_out = self._kinds.get(kind, (now - REPEATED_LINE_SECONDS, 0))
            if now - passed < REPEATED_LINE_SECONDS:
                self._kinds[kind] = (passed, left_out + 1)
                return False
            if len(self._kinds) >= MAX_REPEATED_KINDS:
                self._kinds.clear()
            self._kinds[kind] = (now, 0)
        if left_out:
            record.repeated = left_out
        return True
