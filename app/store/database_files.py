"""
Whether the paths of an open SQLite database still lead to the files that are open.

A file that is deleted, moved away or replaced stays open, and SQLite goes on writing to it: what
is committed then is lost when the process ends. No file is opened here: closing it again would
release SQLite's locks on it (POSIX locks belong to the process).
"""

import os
from pathlib import Path

from .errors import StoreError
from .file_identity import Identity, identity

# Linux lists a process's open files here; elsewhere the files are taken to be those at the paths.
_DESCRIPTORS = Path("/proc/self/fd")


class DatabaseFiles:
    """
    The files of one open database: the database itself, its ``-wal`` and its ``-shm``.

    Safe to use from any thread.

    Args:
        path: As configured. If it is a link, the link is compared too.

    Raises:
        StoreError: If a path does not lead to a file that this process has open.

    """

    def __init__(self, path: Path) -> None:
        # SQLite names its side files after the file that links lead to.
        real = os.path.realpath(path)
        self._wal = f"{real}-wal"
        self._written = {str(path): identity(str(path)), self._wal: identity(self._wal)}
        self._all = {**self._written, f"{real}-shm": identity(f"{real}-shm")}
        opened = _open_files()
        for name, file in self._all.items():
            if file is None or (opened is not None and file not in opened):
                raise StoreError(
                    f"{name} was deleted or replaced while it was being opened. Start again."
                )

    @property
    def wal_bytes(self) -> int | None:
        """Size of the write-ahead log's file, which doesn't shrink; None if there is none."""
        try:
            return os.stat(self._wal).st_size
        except OSError:
            return None

    def written_elsewhere(self) -> str | None:
        """Return the path of a file that commits no longer go to; None if all do."""
        return _changed(self._written)

    def changed(self) -> str | None:
        """Return the path of a file that is not the open one; ``-shm`` is looked at too."""
        return _changed(self._all)


def _changed(known: dict[str, Identity | None]) -> str | None:
    for name, file in known.items():
        if identity(name) != file:
            return name
    return None


def _open_files() -> set[Identity | None] | None:
    """The files that this process has open; None if the system doesn't list them."""
    if not _DESCRIPTORS.is_dir():
        return None
    return {identity(f"{_DESCRIPTORS}/{number}") for number in os.listdir(_DESCRIPTORS)}
