"""A log-in that is kept in a file, and shared by the processes that use it."""

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from .errors import Unreachable
from .tokens import Tokens

if sys.platform != "win32":
    import fcntl

# Longer than an exchange of tokens takes.
_LOCK_SECONDS = 60.0
_POLL_SECONDS = 0.02


class TokenFile:
    """
    Tokens in a file that only its owner can read (mode 0600).

    Several processes can use it at the same time: one exchanges the refresh token, and the others
    take what it got.
    """

    def __init__(self, file: str | os.PathLike[str]) -> None:
        self.path = Path(file)

    def load(self) -> Tokens | None:
        """
        The tokens; None if there are none.

        Raises:
            ValueError: If the file is something else.

        """
        try:
            found = json.loads(self.path.read_text("utf-8"))
            refresh = found["refresh"]
            return Tokens(str(found["access"]), None if refresh is None else str(refresh))
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as exc:
            raise ValueError(f"{self.path} is not a file of tokens.") from exc

    def save(self, tokens: Tokens) -> None:
        """Replace the tokens, as a whole."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # mkstemp gives the mode 0600.
        handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump({"access": tokens.access, "refresh": tokens.refresh}, file)
            os.replace(name, self.path)
        except BaseException:
            os.unlink(name)
            raise

    def remove(self) -> None:
        """Forget the log-in here; the server still knows it."""
        self.path.unlink(missing_ok=True)

    @asynccontextmanager
    async def exclusive(self) -> AsyncIterator[None]:
        """
        Keep other processes from exchanging these tokens.

        Raises:
            Unreachable: If another process does so for a minute.

        """
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            await self._acquire(lock)
            yield
        finally:
            # Releases the lock.
            os.close(lock)

    async def _acquire(self, lock: int) -> None:
        try:
            async with asyncio.timeout(_LOCK_SECONDS):
                while not _locked(lock):  # noqa: ASYNC110 - a lock of the system has no event
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            raise Unreachable(f"Another process holds {self.path}.lock.") from None


def _locked(handle: int) -> bool:
    if sys.platform != "win32":
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    # On Windows processes can't share a log-in, so there is nothing to wait for.
    return True
