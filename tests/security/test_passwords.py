"""Passwords: hashing, checking, and which are too weak."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from unicodedata import normalize

import pytest
from passlib.context import CryptContext
from passlib.hash import argon2

from app.domain.errors import Invalid, Unavailable
from app.domain.limits import MAX_QUEUED_PASSWORDS, PASSWORD_THREADS
from app.security.passwords import Passwords, refuse_weak
from tests.harness.passwords import COST, cheap_passwords

VALID = "correct horse battery"
COMPOSED, DECOMPOSED = "caf\u00e9 au lait", "cafe\u0301 au lait"
DAMAGED = [
    pytest.param("", id="empty"),
    pytest.param("plain text", id="no hash"),
    pytest.param("$argon2id$", id="cut off"),
    pytest.param("$argon2id$v=19$m=19456,t=2,p=1$xx$yy", id="nonsense in it"),
    pytest.param("$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$" + "*" * 43, id="not base64"),
    pytest.param("$2b$12$" + "x" * 53, id="of another kind"),
    pytest.param("\ud800", id="a surrogate"),
]
UNUSUAL = [
    pytest.param("pass\0word\0", id="NUL"),
    pytest.param("пароль и ещё что-то", id="Cyrillic"),
    pytest.param("🐎🔋📎🐎🔋📎🐎🔋", id="emoji"),
    pytest.param("        ", id="spaces"),
    pytest.param("x" * 256, id="256 characters"),
    pytest.param("é" * 256, id="512 bytes"),
    pytest.param("\x01\x02\x03\x04\x05\x06\x07\x08", id="controls"),
]


@pytest.fixture(scope="module")
def passwords() -> Iterator[Passwords]:
    with closing(cheap_passwords()) as opened:
        yield opened


@pytest.fixture(scope="module")
def costly_passwords() -> Iterator[Passwords]:
    """Those of production."""
    with closing(Passwords()) as opened:
        yield opened


async def test_a_password_matches_its_hash_only(passwords: Passwords) -> None:
    stored = await passwords.hash(VALID)

    assert await passwords.check(VALID, stored) == (True, None)
    assert await passwords.check(VALID + " ", stored) == (False, None)
    assert await passwords.check(VALID.upper(), stored) == (False, None)
    assert await passwords.check("", stored) == (False, None)


async def test_the_hash_is_argon2id_at_owasps_parameters(costly_passwords: Passwords) -> None:
    stored = await costly_passwords.hash(VALID)

    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert stored != await costly_passwords.hash(VALID)
    assert await costly_passwords.check(VALID, stored) == (True, None)
    assert await costly_passwords.check(VALID.upper(), stored) == (False, None)


@pytest.mark.parametrize("password", UNUSUAL)
async def test_a_password_may_have_any_characters(passwords: Passwords, password: str) -> None:
    refuse_weak(password, "alice")
    stored = await passwords.hash(password)

    assert (await passwords.check(password, stored)).ok
    assert not (await passwords.check(password[:-1], stored)).ok


async def test_a_password_is_not_truncated(passwords: Passwords) -> None:
    long = "x" * 255

    assert not (await passwords.check(long + "b", await passwords.hash(long + "a"))).ok


@pytest.mark.parametrize(
    "forms",
    [
        pytest.param([COMPOSED, DECOMPOSED], id="latin"),
        pytest.param(["비밀번호 아홉 글자", normalize("NFD", "비밀번호 아홉 글자")], id="korean"),
        pytest.param(["パスワードです が", normalize("NFD", "パスワードです が")], id="japanese"),
        pytest.param(
            ["\u1ea4 \u2126 \u212b 9 9 9", "A\u0302\u0301 \u03a9 A\u030a 9 9 9"], id="two"
        ),
        pytest.param(["correct horse", "correct\xa0horse", "correct\u3000horse"], id="spaces"),
        pytest.param(["é" * 256, "e\u0301" * 256], id="256 characters"),
    ],
)
async def test_forms_of_a_password_are_one(passwords: Passwords, forms: list[str]) -> None:
    for made in forms:
        refuse_weak(made, "alice")
        stored = await passwords.hash(made)
        for typed in forms:
            assert await passwords.check(typed, stored) == (True, None)


@pytest.mark.parametrize(
    "other", ["CAF\xc9 au lait", "cafe au lait", "ｃafé au lait", f"{COMPOSED} "]
)
async def test_case_accents_and_width_matter(passwords: Passwords, other: str) -> None:
    assert not (await passwords.check(other, await passwords.hash(COMPOSED))).ok


@pytest.mark.parametrize("made", [COMPOSED, DECOMPOSED, "cafe\u0301 é mixed", VALID])
async def test_a_hash_of_what_was_typed_is_replaced(passwords: Passwords, made: str) -> None:
    stored = argon2.using(**COST).hash(made)
    forms = {made, *(normalize(form, made) for form in ("NFC", "NFD") if "mixed" not in made)}

    for typed in forms:
        checked = await passwords.check(typed, stored, is_normalized=False)

        assert checked.ok
        assert checked.new_hash is not None
        assert await passwords.check(normalize("NFD", made), checked.new_hash) == (True, None)


class CountingContext(CryptContext):
    """Counts the hashes that it takes."""

    taken = 0

    def verify_and_update(self, *args: Any, **kwargs: Any) -> Any:
        result = super().verify_and_update(*args, **kwargs)
        # Not reached for what is no hash: nothing was hashed then.
        self.taken += 1
        return result

    def dummy_verify(self, *args: Any, **kwargs: Any) -> Any:
        self.taken += 1
        return False


@pytest.mark.parametrize(
    ("password", "hashes"),
    [
        pytest.param(VALID, 1, id="ascii"),
        pytest.param(COMPOSED, 2, id="composed"),
        pytest.param(DECOMPOSED, 2, id="decomposed"),
        pytest.param("cafe\u0301 é mixed", 3, id="neither"),
        pytest.param("x" * 257, 1, id="too long"),
        pytest.param("\ud800" * 8, 1, id="surrogates"),
    ],
)
async def test_a_wrong_password_takes_the_same_for_every_account(
    password: str, hashes: int
) -> None:
    context = CountingContext(["argon2"], argon2__memory_cost=64, argon2__time_cost=1)
    stored = context.hash("another one")
    with closing(Passwords(context)) as passwords:
        for against in (stored, None, "", "$argon2id$", "$2b$12$" + "x" * 53):
            for is_normalized in (True, False):
                context.taken = 0

                checked = await passwords.check(password, against, is_normalized=is_normalized)

                assert (checked.ok, context.taken) == (False, hashes), (against, is_normalized)


@pytest.mark.parametrize("stored", DAMAGED)
async def test_a_damaged_hash_is_a_wrong_password(passwords: Passwords, stored: str) -> None:
    assert await passwords.check(VALID, stored) == (False, None)


@pytest.mark.parametrize("password", ["x" * 257, "x" * 10**6, "\ud800" * 8])
async def test_a_password_that_can_not_be_stored_is_wrong(
    passwords: Passwords, password: str
) -> None:
    assert await passwords.check(password, await passwords.hash(VALID)) == (False, None)


async def test_without_a_hash_the_answer_is_no(passwords: Passwords) -> None:
    assert await passwords.check(VALID, None) == (False, None)


async def test_an_outdated_hash_comes_with_a_new_one(costly_passwords: Passwords) -> None:
    passwords = costly_passwords
    old = argon2.using(type="ID", memory_cost=8_192, rounds=1, parallelism=1).hash(VALID)

    checked = await passwords.check(VALID, old)

    assert checked.ok
    assert checked.new_hash is not None
    assert await passwords.check(VALID, checked.new_hash) == (True, None)
    assert await passwords.check("wrong", old) == (False, None)


async def test_an_unknown_user_takes_as_long_as_a_known_one(costly_passwords: Passwords) -> None:
    """Compares the fastest of several runs, which is the work itself even on a loaded machine."""
    passwords = costly_passwords
    stored = await passwords.hash(VALID)
    loop = asyncio.get_running_loop()

    async def fastest(against: str | None) -> float:
        times = []
        for _ in range(8):
            begun = loop.time()
            await passwords.check("wrong password", against)
            times.append(loop.time() - begun)
        return min(times)

    known, unknown, damaged = [await fastest(hash_) for hash_ in (stored, None, "damaged")]

    # Without the dummy hash it would be 200 times faster; load alone makes no such difference.
    assert known / 10 < unknown < known * 10
    assert known / 10 < damaged < known * 10


async def test_too_many_at_once_are_refused(costly_passwords: Passwords) -> None:
    passwords = costly_passwords
    places = PASSWORD_THREADS + MAX_QUEUED_PASSWORDS
    # Twice the capacity: a few may finish before the last ones start.
    waiting = [asyncio.ensure_future(passwords.check("x", None)) for _ in range(2 * places)]
    await asyncio.sleep(0)

    refused = [check.exception() for check in waiting if check.done() and check.exception()]
    assert refused
    assert all(isinstance(exc, Unavailable) and exc.retry_after for exc in refused)
    for check in waiting:
        check.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert not (await passwords.check("x", None)).ok  # there is capacity again


def test_a_closed_pool_accepts_nothing() -> None:
    passwords = Passwords()
    passwords.close()

    with pytest.raises(RuntimeError):
        asyncio.run(passwords.hash(VALID))


@pytest.mark.parametrize(
    ("password", "why"),
    [
        pytest.param("seven77", "shorter than 8", id="7 characters"),
        pytest.param("", "shorter than 8", id="empty"),
        pytest.param("🐎🐎🐎🐎🐎🐎🐎", "shorter than 8", id="7 emoji, 28 bytes"),
        pytest.param(normalize("NFD", "비밀번호"), "shorter than 8", id="4 syllables, 9 letters"),
        pytest.param("x" * 257, "longer than 256", id="257 characters"),
        pytest.param("\ud800" * 8, "surrogate", id="surrogates"),
        pytest.param("my name is alice!", "contains the username", id="the username"),
        pytest.param("ALICE2026!", "contains the username", id="the username in capitals"),
        pytest.param("password", "most common", id="the second most common password"),
        pytest.param("PassWord", "most common", id="in other case"),
        pytest.param("12345678", "most common", id="digits"),
        pytest.param("iloveyou", "most common", id="a sentence"),
    ],
)
def test_a_weak_password_is_refused_and_never_repeated(password: str, why: str) -> None:
    with pytest.raises(Invalid, match=why) as refused:
        refuse_weak(password, "alice")

    assert refused.value.errors[0]["loc"] == ["password"]
    assert not password or password not in refused.value.errors[0]["msg"]


def test_the_error_names_the_given_field() -> None:
    with pytest.raises(Invalid) as refused:
        refuse_weak("short", "alice", "new_password")

    assert refused.value.errors[0]["loc"] == ["new_password"]


@pytest.mark.parametrize("password", [VALID, "Tr0ub4dor&3!", "x" * 8, "al ice al ice"])
def test_a_password_needs_no_digits_or_capitals(password: str) -> None:
    refuse_weak(password, "alice")
