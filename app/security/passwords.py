"""
Passwords: hashing with argon2id, and which ones are too weak. The only use of passlib.

A hash takes 19 MiB and 20 ms of a core, by design, so it never runs on the event loop: a few
threads of our own bound the memory and the cores that log-ins can take, and the queue before
them is bounded as well. A password is taken exactly as it was sent: not cut, folded or
normalised.
"""

import asyncio
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from runpy import run_path
from typing import NamedTuple, TypeVar

from app.domain.errors import Invalid, Unavailable
from app.domain.limits import (
    MAX_PASSWORD_CHARACTERS,
    MAX_QUEUED_PASSWORDS,
    MIN_PASSWORD_CHARACTERS,
    PASSWORD_THREADS,
)

with warnings.catch_warnings():
    # It imports crypt, which Python 3.13 no longer has. We use nothing of it.
    warnings.simplefilter("ignore", DeprecationWarning)
    from passlib.context import CryptContext

# The least that OWASP's password storage cheat sheet asks of argon2id.
_MEMORY_KIB = 19_456
_ROUNDS = 2
_LANES = 1

T = TypeVar("T")


class Checked(NamedTuple):
    """Whether a password was right, and the hash to store in place of an outdated one."""

    ok: bool
    new_hash: str | None


_WRONG = Checked(False, None)


class Passwords:
    """Hashes and checks passwords in threads of its own. Close it when done."""

    def __init__(self) -> None:
        self._context = _context()
        self._threads = ThreadPoolExecutor(PASSWORD_THREADS, thread_name_prefix="parley-argon2")
        self._places = threading.Semaphore(PASSWORD_THREADS + MAX_QUEUED_PASSWORDS)

    async def hash(self, password: str) -> str:
        """
        The hash to store. :func:`refuse_weak` has let the password pass.

        Raises:
            Unavailable: If too many wait already.

        """
        return await self._run(lambda: str(self._context.hash(password)))

    async def check(self, password: str, stored: str | None) -> Checked:
        """
        Whether ``password`` is the one that ``stored`` was made of.

        Takes as long when there is nothing to compare with (``None``), when the password
        could never have been stored, and when the hash is damaged: the answer is then no.

        Raises:
            Unavailable: If too many wait already.

        """
        return await self._run(lambda: self._check(password, stored))

    def close(self) -> None:
        """Let the threads end. What runs is finished; what waits is not begun."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _check(self, password: str, stored: str | None) -> Checked:
        if stored is not None and _storable(password):
            try:
                ok, new_hash = self._context.verify_and_update(password, stored)
            except (ValueError, TypeError):  # a hash of another kind, or a damaged one
                pass
            else:
                return Checked(ok, new_hash)
        self._context.dummy_verify()
        return _WRONG

    async def _run(self, work: Callable[[], T]) -> T:
        if not self._places.acquire(blocking=False):
            raise Unavailable("Too many log-ins at once. Try again in a moment.")
        try:
            future = self._threads.submit(work)
        except BaseException:  # the place is given back, whatever it was
            self._places.release()
            raise
        # When the work is over, not when the caller is: one who hangs up frees no core.
        future.add_done_callback(self._leave)
        return await asyncio.wrap_future(future)

    def _leave(self, _future: Future[T]) -> None:
        self._places.release()


@cache
def _context() -> CryptContext:
    """How passwords are hashed, warmed up; made once, because that takes two hashes."""
    context = CryptContext(
        schemes=["argon2"],
        argon2__type="ID",
        argon2__memory_cost=_MEMORY_KIB,
        argon2__time_cost=_ROUNDS,
        argon2__parallelism=_LANES,
    )
    with warnings.catch_warnings():
        # passlib reads argon2.__version__ once, at the first hash.
        warnings.simplefilter("ignore", DeprecationWarning)
        # The first one makes the hash that the later ones compare with, so it takes twice
        # as long: without it the first unknown user would be told apart.
        context.dummy_verify()
    return context


def refuse_weak(password: str, username: str, field: str = "password") -> None:
    """
    Return if ``password`` may protect this user's account.

    There are no rules of composition: length, not being on everybody's list and not being
    the name are what counts (NIST SP 800-63B).

    Raises:
        Invalid: If it may not. The error names ``field`` and never repeats the password.

    """
    if len(password) < MIN_PASSWORD_CHARACTERS:
        raise Invalid.field(field, f"is shorter than {MIN_PASSWORD_CHARACTERS} characters")
    if len(password) > MAX_PASSWORD_CHARACTERS:
        raise Invalid.field(field, f"is longer than {MAX_PASSWORD_CHARACTERS} characters")
    if not _storable(password):
        raise Invalid.field(field, "holds a lone surrogate, which is no character")
    plain = password.casefold()
    if username.casefold() in plain:
        raise Invalid.field(field, "contains the username")
    if plain in _common():
        raise Invalid.field(field, "is one of the most common ones")


def _storable(password: str) -> bool:
    if len(password) > MAX_PASSWORD_CHARACTERS:
        return False
    try:
        password.encode()
    except UnicodeEncodeError:
        return False
    return True


@cache
def _common() -> frozenset[str]:
    """The passwords that everybody tries first, of those long enough to be refused here."""
    package = find_spec("zxcvbn")
    assert package is not None
    assert package.submodule_search_locations is not None
    # Run, not imported: the package would keep 800 KB of other words, ranked, for good.
    module = run_path(str(Path(package.submodule_search_locations[0], "frequency_lists.py")))
    words = module["FREQUENCY_LISTS"]["passwords"]
    return frozenset(word for word in words if len(word) >= MIN_PASSWORD_CHARACTERS)
