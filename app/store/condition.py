"""What is known to be wrong with a SQLite database: one line in the log each time it changes."""

import logging
import threading

from ..domain.errors import Unavailable

log = logging.getLogger("parley.store")


class Condition:
    """
    Whether a database may be written to, and what :attr:`fault` to report.

    Safe to use from any thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._replaced: str | None = None

    @property
    def fault(self) -> str | None:
        """``replaced`` if a file of the database is no longer at its path; None if all is well."""
        return None if self._replaced is None else "replaced"

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

    def require_writable(self) -> None:
        """
        Return if what is committed would be kept.

        Raises:
            Unavailable: If it would not.

        """
        if self._replaced is not None:
            raise Unavailable
