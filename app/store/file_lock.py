"""
A lock file: one process at a time per SQLite file.

The lock is the kernel's (``flock``), so that it ends with the process, however that ends. The
content of the file only tells other processes which one holds it.
"""

import asyncio
import fcntl
import json
import os
import time
from pathlib import Path
from typing import Any, NamedTuple, Self

_RETRY_SECONDS = 0.05
# What we write is below 1,000 bytes.
_MAX_BYTES = 4_096


class LockHolder(NamedTuple):
    """The process that holds a lock, as far as its file says."""

    pid: int | None
    url: str | None
    """Where it serves; None if it is not a server."""


class LockHeld(Exception):
    """Another process holds the lock."""

    def __init__(self, holder: LockHolder) -> None:
        super().__init__(f"held by {holder}")
        self.holder = holder


class FileLock:
    """A lock that this process holds, until it is released or the process ends."""

    def __init__(self, descriptor: int, holder: LockHolder, left: object) -> None:
        self._descriptor = descriptor
        self._holder: LockHolder | None = holder
        self.left = left
        """What an earlier process has noted and not removed; None if it ended cleanly."""
        self._write()

    @classmethod
    def take(cls, path: Path, url: str | None) -> Self:
        """
        Take the lock at ``path``, and write into it where this process serves.

        Raises:
            LockHeld: If another process holds it.
            OSError: If the file can't be opened, or its file system has no locks.

        """
        # Not inherited (PEP 446): no child process can keep the lock.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(descriptor)
            os.close(descriptor)
            raise LockHeld(holder) from None
        except BaseException:  # leave no descriptor open, whatever was raised
            os.close(descriptor)
            raise
        return cls(descriptor, LockHolder(os.getpid(), url), _content(descriptor).get("left"))

    @classmethod
    async def wait(cls, path: Path, url: str | None, seconds: float) -> Self:
        """Like :meth:`take`, but give the other process ``seconds`` to end."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                return cls.take(path, url)
            except LockHeld:
                if time.monotonic() >= deadline:
                    raise
            await asyncio.sleep(_RETRY_SECONDS)

    def note(self, left: object) -> None:
        """Note what the next process finds in :attr:`left`, unless None is noted before."""
        self.left = left
        self._write()

    def release(self) -> None:
        """Release the lock. The file stays: another process may hold it by now."""
        self._holder = None
        self._write()
        os.close(self._descriptor)

    def _write(self) -> None:
        content = {} if self._holder is None else self._holder._asdict()
        if self.left is not None:
            content["left"] = self.left
        text = json.dumps(content).encode() if content else b""
        # Written first and cut second: a reader never finds half of it.
        os.pwrite(self._descriptor, text, 0)
        os.ftruncate(self._descriptor, len(text))


def _content(descriptor: int) -> dict[str, Any]:
    try:
        content = json.loads(os.pread(descriptor, _MAX_BYTES, 0))
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _holder(descriptor: int) -> LockHolder:
    try:
        content = _content(descriptor)
        return LockHolder(
            int(content["pid"]), None if content["url"] is None else str(content["url"])
        )
    except (ValueError, TypeError, KeyError):
        # Read between taking the lock and writing the content.
        return LockHolder(None, None)
