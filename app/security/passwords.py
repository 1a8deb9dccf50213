"""
Passwords: hashing with argon2id, and which ones are too weak. The only use of passlib.

A hash takes 19 MiB and 20 ms of a core, by design, so it never runs on the event loop. A dedicated
thread pool with a bounded queue limits the memory and cores that logins can take. A password is
normalised, because systems send the same letters in several forms, never truncated or case-folded.
"""

import asyncio
import os
import sys
import threading
import unicodedata
import warnings
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from runpy import run_path
from typing import NamedTuple, TypeVar

from ..domain.characters import normalized_password
from ..domain.errors import Invalid, Unavailable
from ..domain.limits import (
    MAX_PASSWORD_CHARACTERS,
    MAX_QUEUED_PASSWORDS,
    MIN_PASSWORD_CHARACTERS,
    PASSWORD_NICENESS,
    PASSWORD_THREADS,
)

with warnings.catch_warnings():
    # passlib imports crypt, which is deprecated and gone in Python 3.13. It is not used here.
    warnings.simplefilter("ignore", DeprecationWarning)
    from passlib.context import CryptContext

# The minimum of OWASP's password storage cheat sheet for argon2id.
_MEMORY_KIB = 19_456
_ROUNDS = 2
_LANES = 1

T = TypeVar("T")


class Checked(NamedTuple):
    """Whether a password is correct, and the hash to store instead of an outdated one."""

    ok: bool
    new_hash: str | None


_WRONG = Checked(False, None)


class Passwords:
    """
    Hashes and checks passwords in threads of its own.

    Owned by the event loop; :meth:`close` blocks until running hashes have finished.

    Args:
        context: What hashes, instead of argon2id with the parameters above.

    """

    def __init__(self, context: CryptContext | None = None) -> None:
        self._context = context or _context()
        self._threads = ThreadPoolExecutor(
            PASSWORD_THREADS, thread_name_prefix="parley-argon2", initializer=_yield_to_others
        )
        self._slots = threading.Semaphore(PASSWORD_THREADS + MAX_QUEUED_PASSWORDS)

    async def hash(self, password: str) -> str:
        """
        The hash to store. The caller has checked the password with :func:`refuse_weak`.

        Raises:
            Unavailable: If too many passwords are waiting.

        """
        return await self._run(lambda: self._hash(password))

    async def check(
        self, password: str, stored: str | None, *, is_normalized: bool = True
    ) -> Checked:
        """
        Whether ``password`` matches the hash ``stored``.

        A wrong password takes the same time for a hash, whether it is of a normalised password or
        not, for no hash (None), for a password that could never have been stored and for a
        damaged hash; the last three never match.

        Args:
            is_normalized: Whether ``stored`` is the hash of a normalised password. If not, every
                form of ``password`` is tried, and ``new_hash`` is that of the normalised one.

        Raises:
            Unavailable: If too many passwords are waiting.

        """
        return await self._run(lambda: self._check(password, stored, is_normalized))

    def close(self) -> None:
        """Stop the threads: running hashes finish, waiting ones are cancelled."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _hash(self, password: str) -> str:
        return str(self._context.hash(normalized_password(password)))

    def _check(self, password: str, stored: str | None, is_normalized: bool) -> Checked:
        # How many hashes a wrong password takes depends on it alone, never on the account.
        forms = _forms(password)
        tried = 0
        if stored is not None and _storable(password):
            for form in [normalized_password(password)] if is_normalized else forms:
                try:
                    ok, new_hash = self._context.verify_and_update(form, stored)
                except (ValueError, TypeError):  # another kind of hash, or a damaged one
                    break
                if ok:
                    return Checked(True, new_hash if is_normalized else self._hash(password))
                tried += 1
        for _ in forms[tried:]:
            self._context.dummy_verify()
        return _WRONG

    async def _run(self, work: Callable[[], T]) -> T:
        if not self._slots.acquire(blocking=False):
            raise Unavailable("Too many logins at once. Try again in a moment.")
        try:
            future = self._threads.submit(work)
        except BaseException:  # release the slot whatever happened
            self._slots.release()
            raise
        # Release when the work ends, not when the caller is cancelled: that frees no core.
        future.add_done_callback(self._release_slot)
        return await asyncio.wrap_future(future)

    def _release_slot(self, _future: Future[T]) -> None:
        self._slots.release()


def _yield_to_others() -> None:
    """
    Give the event loop's thread, and the writer's, the cores first.

    On Linux a thread has a niceness of its own; elsewhere it would be the whole process's.
    """
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), PASSWORD_NICENESS)


@cache
def _context() -> CryptContext:
    """The hashing parameters, warmed up. Created once, because warming up takes two hashes."""
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
        # The first call creates the hash that later calls compare with and takes twice as long,
        # which would distinguish the first unknown user from known ones.
        context.dummy_verify()
    return context


def refuse_weak(password: str, username: str, field: str = "password") -> None:
    """
    Check that ``password`` is not too weak for this user.

    There are no composition rules: only the length, a list of common passwords and the username
    matter (NIST SP 800-63B).

    Raises:
        Invalid: If it is too weak. The error names ``field`` and never contains the password.

    """
    password = normalized_password(password)
    if len(password) < MIN_PASSWORD_CHARACTERS:
        raise Invalid.field(field, f"is shorter than {MIN_PASSWORD_CHARACTERS} characters")
    if len(password) > MAX_PASSWORD_CHARACTERS:
        raise Invalid.field(field, f"is longer than {MAX_PASSWORD_CHARACTERS} characters")
    if not _storable(password):
        raise Invalid.field(field, "contains a lone surrogate, which is not a character")
    folded = password.casefold()
    if username.casefold() in folded:
        raise Invalid.field(field, "contains the username")
    if folded in _common_passwords():
        raise Invalid.field(field, "is one of the most common ones")


def _forms(password: str) -> list[str]:
    """The forms in which systems send ``password``: at least one, each once."""
    if not _storable(password):
        return [""]
    forms = (password, *(unicodedata.normalize(form, password) for form in ("NFC", "NFD")))
    return list(dict.fromkeys(forms))


def _storable(password: str) -> bool:
    # Either form may be the longer one.
    if min(len(password), len(normalized_password(password))) > MAX_PASSWORD_CHARACTERS:
        return False
    try:
        password.encode()
    except UnicodeEncodeError:
        return False
    return True


@cache
def _common_passwords() -> frozenset[str]:
    """The most common passwords among those that are long enough."""
    package = find_spec("zxcvbn")
    assert package is not None
    assert package.submodule_search_locations is not None
    # Run instead of imported: importing the package would keep 800 KB of other words in memory.
    module = run_path(str(Path(package.submodule_search_locations[0], "frequency_lists.py")))
    words = module["FREQUENCY_LISTS"]["passwords"]
    return frozenset(word for word in words if len(word) >= MIN_PASSWORD_CHARACTERS)
