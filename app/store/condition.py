"""What is known to be wrong with a SQLite database: one line in the log each time it changes."""

import logging
import threading

from ..domain.errors import Unavailable
from .damage import Damage

# Each finding is a line in the log; more of them add no information.
_MAX_FINDINGS = 20

log = logging.getLogger("parley.store")


class Condition:
    """
    Whether a database may be written to, and what :attr:`fault` to report.

    Safe to use from any thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._replaced: str | None = None
        self._damaged: set[str] = set()
        self._structure_is_damaged = False
        self._is_unreadable = False
        self.checking = False
        """Whether a check of the whole file is running."""

    @property
    def fault(self) -> str | None:
        """
        What is wrong, in a word; None if nothing is known.

        ``replaced``: a file of the database is no longer at its path. ``damaged``: something that
        was read is not what was written; that stays so until the process ends.
        """
        if self._replaced is not None:
            return "replaced"
        return "damaged" if self._damaged else None

    def note_damage(self, found: Damage) -> None:
        """Note that something in the file is damaged; logged once per finding."""
        with self._lock:
            is_new = found.what not in self._damaged and len(self._damaged) < _MAX_FINDINGS
            if is_new:
                self._damaged.add(found.what)
            self._structure_is_damaged |= found.in_structure
        if is_new:
            log.error(
                "database.damaged",
                extra={
                    "error": found.what,
                    "hint": "Run parley check. Restore a backup if it finds damage to the file.",
                },
            )

    def note_replaced(self, path: str | None) -> None:
        """Note that ``path`` no longer leads to the file that is open; None: all paths do."""
        if path == self._replaced:
            return
        with self._lock:
            before, self._replaced = self._replaced, path
        if path is None:
            log.warning("database.files_back", extra={"path": before})
        elif path != before:
            log.error(
                "database.replaced",
                extra={
                    "path": path,
                    "hint": "The file was deleted, moved or replaced while it is in use. Nothing "
                    "more is acknowledged. Put it back, or stop the server.",
                },
            )

    def refuse_reads(self) -> None:
        """Note that what is read may lack something, of which a read itself can't tell."""
        self._is_unreadable = True

    def require_readable(self) -> None:
        """
        Return unless reads are refused.

        Raises:
            Unavailable: If they are.

        """
        if self._is_unreadable:
            raise Unavailable

    def require_writable(self) -> None:
        """
        Return if what is committed would be kept.

        Raises:
            Unavailable: If it would not.

        """
        if self._replaced is not None or self._structure_is_damaged:
            raise Unavailable
