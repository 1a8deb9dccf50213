"""
Whether the paths of an open SQLite database still lead to the files that are open.

A file that is deleted, moved away or replaced stays open, and SQLite goes on writing to it: what
is committed then is lost when the process ends. Only ``os.stat`` is used here. Opening one of the
files and closing it again would release SQLite's locks on it (POSIX locks belong to the process).
"""

import os
from pathlib import Path

from .errors import StoreError

_Identity = tuple[int, int]
"""Device and inode."""

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
        self._written = {str(path): _identity(str(path)), f"{real}-wal": _identity(f"{real}-wal")}
        self._all = {**self._written, f"{real}-shm": _identity(f"{real}-shm")}
        opened = _open_files()
        for name, identity in self._all.items():
            if identity is None or (opened is not None and identity not in opened):
                raise StoreError(
                    f"{name} was deleted or replaced while it was being opened. Start again."
                )

    def written_elsewhere(self) -> str | None:
        """Return the path of a file that commits no longer go to; None if all do."""
        return _changed(self._written)

    def changed(self) -> str | None:
        """Return the path of a file that is not the open one; ``-shm`` is looked at too."""
        return _changed(self._all)


def _changed(known: dict[str, _Identity | None]) -> str | None:
    for name, identity in known.items():
        if _identity(name) != identity:
            return name
    return None


def _identity(path: str) -> _Identity | None:
    """None if there is no file, or none that can be reached."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _open_files() -> set[_Identity | None] | None:
    """The files that this process has open; None if the system doesn't list them."""
    if not _DESCRIPTORS.is_dir():
        return None
    return {_identity(f"{_DESCRIPTORS}/{number}") for number in os.listdir(_DESCRIPTORS)}
