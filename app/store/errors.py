"""Why a database can't be used, as sentences for the operator."""

import os
import sqlite3
from pathlib import Path
from urllib.parse import urlsplit

import sqlalchemy as sa

from .file_lock import LockHolder


class StoreError(Exception):
    """The database can't be used. The text is a sentence for the operator."""


class Locked(StoreError):
    """Another process is using the SQLite file."""

    def __init__(self, path: Path, holder: LockHolder) -> None:
        process = "another process" if holder.pid is None else f"process {holder.pid}"
        where = f", which serves {holder.url}" if holder.url else ""
        super().__init__(
            f"{path} is in use by {process}{where}. Only one process at a time can use a SQLite "
            "database. Stop that one first, or use PostgreSQL (DATABASE_URL) for several."
        )
        self.holder = holder
        self._path = path

    def is_of(self, path: Path) -> bool:
        """Whether it is this file that is in use."""
        return self._path == path


def display_name(url: str) -> str:
    """Return a database's address for messages, without a password."""
    if url.startswith("sqlite"):
        return sa.make_url(url).database or "The database in memory"
    parts = urlsplit(url)
    # libpq takes several hosts: h1:5432,h2:5433.
    hosts = parts.netloc.rpartition("@")[2]
    return f"postgresql://{hosts or 'localhost'}{parts.path}"


def unusable(url: str, exc: BaseException | None) -> str:
    """Return the sentence for a database on which a transaction failed with ``exc``."""
    return f"{display_name(url)} can't be used: {reason(exc)}."


def reason(exc: BaseException | None, path: Path | None = None) -> str:
    """
    Return what a driver or the operating system reports, as the end of a sentence.

    Args:
        path: The SQLite file. SQLite says only that it can't be opened, not why.

    """
    if isinstance(exc, sa.exc.DBAPIError) and exc.orig is not None:
        exc = exc.orig
    if path is not None and getattr(exc, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_CANTOPEN:
        return _why_not_opened(path) or reason(exc)
    if isinstance(exc, OSError) and exc.strerror:
        return exc.strerror
    lines = str(exc or "").strip().splitlines()
    return (lines[0] if lines else type(exc).__name__).rstrip(".")


def _why_not_opened(path: Path) -> str | None:
    folder = path.resolve().parent
    try:
        # Not the file: closing it would end the locks that this process has on it.
        os.close(os.open(folder, os.O_RDONLY))
        if os.statvfs(folder).f_flag & os.ST_RDONLY:
            return (
                "its file system is read-only, and SQLite has to write beside it. Copy it, with "
                "its -wal if it has one, to another folder"
            )
    except OSError as exc:
        return exc.strerror
    if not os.access(folder, os.W_OK):
        return "SQLite has to write in its folder, and this user may not"
    return None
