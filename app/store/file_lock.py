"""
One process at a time per SQLite file.

The lock is the kernel's (``flock``), so it ends with the process, however that ends. What
stands in the file only tells others whom to ask.
"""

import asyncio
import fcntl
import json
import os
import time
from pathlib import Path
from typing import NamedTuple, Self

_LOOK_AGAIN_SECONDS = 0.05
# Ours are below 200 bytes.
_MAX_BYTES = 4_096


class LockHolder(NamedTuple):
    """Who has a lock, as far as they said so."""

    pid: int | None
    url: str | None
    """Where it serves; None if it does not."""


class LockHeld(Exception):
    """Another process has the lock."""

    def __init__(self, holder: LockHolder) -> None:
        super().__init__(f"held by {holder}")
        self.holder = holder


class FileLock:
    """A lock that this process has, until it is released or the process ends."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def take(cls, path: Path, url: str | None) -> Self:
        """
        Take the lock at ``path``, and say in it where this process serves.

        Raises:
            Held: If another process has it.
            OSError: If the file can't be opened, or its file system knows no locks.

        """
        # Python's descriptors are not inherited: no child can keep the lock alive.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(descriptor)
            os.close(descriptor)
            raise LockHeld(holder) from None
        except BaseException:  # no descriptor is left behind, whatever it was
            os.close(descriptor)
            raise
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps({"pid": os.getpid(), "url": url}).encode(), 0)
        return cls(descriptor)

    @classmethod
    async def wait(cls, path: Path, url: str | None, seconds: float) -> Self:
        """Like :meth:`take`, but ``seconds`` are given to the other process to go."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                return cls.take(path, url)
            except LockHeld:
                if time.monotonic() >= deadline:
                    raise
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)

    def release(self) -> None:
        """Let the next one have it. The file stays: removing it could remove theirs."""
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)


def _holder(descriptor: int) -> LockHolder:
    try:
        said = json.loads(os.pread(descriptor, _MAX_BYTES, 0))
        return LockHolder(int(said["pid"]), None if said["url"] is None else str(said["url"]))
    except (ValueError, TypeError, KeyError):
        # Caught between taking the lock and saying so.
        return LockHolder(None, None)
