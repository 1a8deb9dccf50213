"""How log-ins start, continue and end."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from passlib.hash import argon2

from app.domain.errors import InvalidGrant, RateLimited, Unauthorized
from app.security.passwords import Passwords
from app.store import users
from app.store.database import Database
from tests.harness.passwords import COST
from tests.services.env import (
    ADDRESS,
    DAY,
    MINUTE,
    OTHER_ADDRESS,
    PASSWORD,
    AccountsEnv,
    capture_security_log,
    logged_facts,
    open_accounts_env,
)


@pytest.fixture
async def env(database: Database) -> AsyncIterator[AccountsEnv]:
    async with open_accounts_env(database) as opened:
        yield opened


@pytest.fixture
async def env_as_in_production(database: Database) -> AsyncIterator[AccountsEnv]:
    """Hashes passwords at their full cost."""
    async with open_accounts_env(database, passwords=Passwords()) as opened:
        yield opened


async def test_a_log_in_returns_both_tokens(env: AccountsEnv, caplog: Any) -> None:
    capture_security_log(caplog)

    tokens = await env.register("alice")

    assert tokens.expires_in == 15 * 60
    assert len(tokens.refresh_token) == 43
    me = await env.authenticate(tokens)
    assert (me.user, me.session) == (tokens.user, tokens.session)
    facts = {"user": "alice", "session": tokens.session, "address": ADDRESS}
    assert logged_facts(caplog, "login.succeeded") == [facts]


@pytest.mark.parametrize(
    ("username", "password"),
    [
        pytest.param("alice", "wrong", id="a wrong password"),
        pytest.param("alice", "", id="no password"),
        pytest.param("alice", PASSWORD + " ", id="a longer password"),
        pytest.param("alice", "\ud800", id="a surrogate"),
        pytest.param("alice", "x" * 100_000, id="a huge password"),
        pytest.param("bob", PASSWORD, id="an unknown user"),
        pytest.param("host", PASSWORD, id="a user without a password"),
        pytest.param("disabled", PASSWORD, id="a disabled user"),
        pytest.param("a\0b", PASSWORD, id="an invalid name"),
        pytest.param("\ud800", PASSWORD, id="a surrogate as a name"),
        pytest.param("x" * 100_000, PASSWORD, id="a huge name"),
        pytest.param("' OR 1=1 --", PASSWORD, id="SQL"),
    ],
)
async def test_every_failure_looks_the_same(
    env: AccountsEnv, caplog: Any, username: str, password: str
) -> None:
    capture_security_log(caplog)
    for name in ("alice", "disabled"):
        await env.accounts.register(name, PASSWORD, None, ADDRESS)
    await env.accounts.create("host", None)
    await env.admin.disable("disabled")

    with pytest.raises(InvalidGrant) as refused:
        await env.log_in(username, password)

    assert refused.value.detail == InvalidGrant.default_detail
    known = username if username in ("alice", "bob", "host", "disabled") else None
    assert logged_facts(caplog, "login.failed") == [{"user": known, "address": ADDRESS}]


async def test_invalid_names_are_not_logged(env: AccountsEnv, caplog: Any) -> None:
    caplog.set_level(0)

    with pytest.raises(InvalidGrant):
        await env.log_in("My Secret Passphrase", "alice")

    assert not any("Passphrase" in str(vars(record)) for record in caplog.records)


async def test_an_outdated_hash_is_replaced_at_log_in(env_as_in_production: AccountsEnv) -> None:
    env = env_as_in_production
    await env.accounts.register("alice", PASSWORD, None, ADDRESS)
    user = await env.accounts.get("alice")
    old = argon2.using(type="ID", memory_cost=8_192, rounds=1, parallelism=1).hash(PASSWORD)
    await env.database.write(lambda c: users.update(c, user.id, password_hash=old))

    answers = await asyncio.gather(*(env.log_in("alice") for _ in range(3)))

    assert len({tokens.session for tokens in answers}) == 3
    stored = (await env.accounts.get("alice")).password_hash
    assert stored is not None
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    await env.log_in("alice")


@pytest.mark.parametrize(
    "typed",
    ["alice ", " Alice", "\xa0alice\u3000", "\ufeffalice\u200b", "\u200ealice\n"],
    ids=ascii,
)
async def test_what_keyboards_add_around_a_name_is_cut(env: AccountsEnv, typed: str) -> None:
    await env.register("alice")

    assert (await env.authenticate(await env.log_in(typed))).username == "alice"


@pytest.mark.parametrize("typed", ["al ice", "al\u200bice", "\u0430lice"], ids=ascii)
async def test_nothing_inside_a_name_is_cut(env: AccountsEnv, typed: str) -> None:
    await env.register("alice")

    with pytest.raises(InvalidGrant):
        await env.log_in(typed)


async def test_a_hash_from_before_normalization_is_replaced_at_log_in(env: AccountsEnv) -> None:
    composed, decomposed = "caf\u00e9 au lait", "cafe\u0301 au lait"
    await env.accounts.register("alice", composed, None, ADDRESS)
    user = await env.accounts.get("alice")
    assert user.password_normalized
    typed = argon2.using(**COST).hash(decomposed)
    old = {"password_hash": typed, "password_normalized": False}
    await env.database.write(lambda c: users.update(c, user.id, **old))
    with pytest.raises(InvalidGrant):
        await env.log_in("alice", "cafe au lait")

    await env.log_in("alice", composed)

    found = await env.accounts.get("alice")
    assert found.password_normalized
    assert found.password_hash != typed
    for password in (composed, decomposed):
        await env.log_in("alice", password)


async def test_a_password_change_ends_concurrent_log_ins(env: AccountsEnv) -> None:
    """In any order: afterwards no log-in with the old password is left."""
    await env.accounts.register("alice", PASSWORD, None, ADDRESS)

    answers = await asyncio.gather(
        env.admin.set_password("alice", "battery staple horse"),
        *(env.log_in("alice") for _ in range(6)),
        return_exceptions=True,
    )

    user = await env.accounts.get("alice")
    assert len(answers) == 7
    assert await env.logins.live(user.id, limit=10) == []


async def test_after_too_many_failures_even_the_right_password_is_limited(
    database: Database,
) -> None:
    async with open_accounts_env(database, failed_logins_per_minute=3) as env:
        await env.accounts.register("alice", PASSWORD, None, ADDRESS)
        for _ in range(3):
            with pytest.raises(InvalidGrant):
                await env.log_in("alice", "wrong", OTHER_ADDRESS)

        with pytest.raises(RateLimited) as refused:
            await env.log_in("alice", PASSWORD, OTHER_ADDRESS)

        assert refused.value.retry_after is not None


async def test_successful_log_ins_are_not_counted(database: Database) -> None:
    async with open_accounts_env(database, failed_logins_per_minute=2) as env:
        await env.accounts.register("alice", PASSWORD, None, ADDRESS)

        for _ in range(5):
            await env.log_in("alice")


async def test_the_owner_can_log_in_from_a_known_address_during_an_attack(
    database: Database,
) -> None:
    async with open_accounts_env(database, failed_logins_per_minute=2) as env:
        await env.register("alice")
        for _ in range(2):
            with pytest.raises(InvalidGrant):
                await env.log_in("alice", "guess", OTHER_ADDRESS)
        with pytest.raises(RateLimited):
            await env.log_in("alice", "guess", OTHER_ADDRESS)

        assert (await env.authenticate(await env.log_in("alice"))).username == "alice"


async def test_concurrent_guesses_are_limited_too(database: Database) -> None:
    """The last guess is right, and must be limited like the others."""
    async with open_accounts_env(database, failed_logins_per_minute=3) as env:
        await env.accounts.register("alice", PASSWORD, None, ADDRESS)
        guesses = ["wrong"] * 10 + [PASSWORD]

        answers = await asyncio.gather(
            *(env.log_in("alice", guess, OTHER_ADDRESS) for guess in guesses),
            return_exceptions=True,
        )

    kinds = [type(answer).__name__ for answer in answers]
    assert kinds.count("InvalidGrant") <= 4  # two threads may check the last allowed one at once
    assert kinds[-1] == "RateLimited"


async def test_log_in_as_needs_no_password(env: AccountsEnv, caplog: Any) -> None:
    capture_security_log(caplog)
    await env.accounts.create("alice", None)

    tokens = await env.logins.log_in_as("Alice", "a host product")

    assert (await env.authenticate(tokens)).username == "alice"
    assert logged_facts(caplog, "login.granted") == [{"user": "alice", "session": tokens.session}]


async def test_a_refresh_continues_the_log_in(env: AccountsEnv) -> None:
    first = await env.add_user("alice")

    env.pass_time(20 * MINUTE)
    second = await env.logins.refresh(first.refresh_token)

    assert second.session == first.session
    assert second.refresh_token != first.refresh_token
    assert (await env.authenticate(second)).session == first.session
    assert env.revoked == []


async def test_a_refresh_can_be_retried_after_a_lost_response(env: AccountsEnv) -> None:
    first = await env.add_user("alice")

    first_retry = await env.logins.refresh(first.refresh_token)
    env.pass_time(10_000)
    second_retry = await env.logins.refresh(first.refresh_token)

    env.pass_time(MINUTE)
    for successor in (first_retry, second_retry):
        assert (await env.logins.refresh(successor.refresh_token)).session == first.session


async def test_concurrent_refreshes_all_succeed(env: AccountsEnv) -> None:
    first = await env.add_user("alice")

    answers = await asyncio.gather(*(env.logins.refresh(first.refresh_token) for _ in range(4)))

    assert len({tokens.refresh_token for tokens in answers}) == 4
    for tokens in answers:
        assert (await env.authenticate(tokens)).session == first.session


async def test_a_reused_refresh_token_ends_the_log_in(env: AccountsEnv, caplog: Any) -> None:
    capture_security_log(caplog)
    first = await env.add_user("alice")
    other = await env.logins.log_in_as("alice", "another device")
    second = await env.logins.refresh(first.refresh_token)
    env.pass_time(10_001)

    with pytest.raises(InvalidGrant):
        await env.logins.refresh(first.refresh_token)

    assert env.revoked == [(first.user, first.session)]
    with pytest.raises(InvalidGrant):
        await env.logins.refresh(second.refresh_token)
    with pytest.raises(Unauthorized):
        await env.authenticate(second)
    assert (await env.authenticate(other)).session == other.session
    facts = {"user_id": first.user, "session": first.session}
    assert logged_facts(caplog, "login.refresh_token_reused") == [facts]


async def test_a_reused_older_refresh_token_ends_the_log_in_too(env: AccountsEnv) -> None:
    first = tokens = await env.add_user("alice")
    for _ in range(5):
        env.pass_time(DAY)
        tokens = await env.logins.refresh(tokens.refresh_token)

    with pytest.raises(InvalidGrant):
        await env.logins.refresh(first.refresh_token)

    assert env.revoked == [(first.user, first.session)]


async def test_a_refresh_does_not_extend_the_log_in(env: AccountsEnv) -> None:
    tokens = await env.add_user("alice")
    env.pass_time(30 * DAY - 1)
    last = await env.logins.refresh(tokens.refresh_token)
    assert (await env.authenticate(last)).expires_at == env.at + 1

    env.pass_time(1)

    with pytest.raises(Unauthorized):
        await env.authenticate(last)
    with pytest.raises(InvalidGrant):
        await env.logins.refresh(last.refresh_token)


@pytest.mark.parametrize(
    "token",
    [
        pytest.param("", id="empty"),
        pytest.param("x", id="one letter"),
        pytest.param("\ud800", id="a surrogate"),
        pytest.param("\0", id="NUL"),
        pytest.param("x" * 1_000_000, id="a megabyte"),
    ],
)
async def test_invalid_refresh_tokens_are_refused_and_revoking_them_does_nothing(
    env: AccountsEnv, token: str
) -> None:
    with pytest.raises(InvalidGrant):
        await env.logins.refresh(token)

    await env.logins.revoke(token)
    assert env.revoked == []


async def test_access_and_refresh_tokens_are_not_interchangeable(env: AccountsEnv) -> None:
    tokens = await env.add_user("alice")

    with pytest.raises(InvalidGrant):
        await env.logins.refresh(tokens.access_token)
    with pytest.raises(Unauthorized):
        await env.authenticator.authenticate(tokens.refresh_token)


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
async def test_revoking_either_token_ends_the_log_in(env: AccountsEnv, kind: str) -> None:
    tokens = await env.add_user("alice")

    await env.logins.revoke(getattr(tokens, kind))
    await env.logins.revoke(getattr(tokens, kind))

    assert env.revoked == [(tokens.user, tokens.session)]
    with pytest.raises(Unauthorized):
        await env.authenticate(tokens)
    with pytest.raises(InvalidGrant):
        await env.logins.refresh(tokens.refresh_token)


async def test_revoking_a_used_refresh_token_ends_the_log_in(env: AccountsEnv) -> None:
    first = await env.add_user("alice")
    second = await env.logins.refresh(first.refresh_token)

    await env.logins.revoke(first.refresh_token)

    with pytest.raises(Unauthorized):
        await env.authenticate(second)


async def test_an_expired_access_token_revokes_nothing(env: AccountsEnv) -> None:
    tokens = await env.add_user("alice")
    env.pass_time(15 * MINUTE)

    await env.logins.revoke(tokens.access_token)

    assert env.revoked == []
    await env.logins.refresh(tokens.refresh_token)


async def test_log_ins_are_listed_and_ended_one_by_one(env: AccountsEnv) -> None:
    first = await env.add_user("alice")
    env.pass_time(MINUTE)
    second = await env.logins.log_in_as("alice", "a phone")

    listed = await env.logins.live(first.user, limit=10)
    assert [(s.id, s.label, s.created_at) for s in listed] == [
        (second.session, "a phone", env.at),
        (first.session, "a browser", env.at - MINUTE),
    ]

    await env.logins.end(first.user, second.session)
    await env.logins.end(first.user, second.session)

    assert env.revoked == [(first.user, second.session)]
    assert [s.id for s in await env.logins.live(first.user, limit=10)] == [first.session]
    with pytest.raises(Unauthorized):
        await env.authenticate(second)


async def test_a_log_in_of_another_user_is_not_ended(env: AccountsEnv) -> None:
    alice, eve = await env.add_user("alice"), await env.add_user("eve")

    await env.logins.end(eve.user, alice.session)

    assert env.revoked == []
    assert (await env.authenticate(alice)).username == "alice"


async def test_end_all_ends_every_log_in_of_the_user(env: AccountsEnv) -> None:
    first = await env.add_user("alice")
    second = await env.logins.log_in_as("alice", "a phone")
    eve = await env.add_user("eve")

    await env.logins.end_all(first.user)

    assert env.revoked == [(first.user, None)]
    for tokens in (first, second):
        with pytest.raises(Unauthorized):
            await env.authenticate(tokens)
    assert (await env.authenticate(eve)).username == "eve"


async def test_a_label_is_cleaned_and_truncated(env: AccountsEnv) -> None:
    await env.accounts.create("alice", None)

    tokens = await env.logins.log_in_as("alice", " Büro\r\n\x1b[31m\0\u202e\ud800" + "x" * 500)

    (session,) = await env.logins.live(tokens.user, limit=10)
    assert session.label.startswith("Büro [31m xxx")
    assert len(session.label) == 120


async def test_sweeping_deletes_log_ins_that_ended_long_ago(env: AccountsEnv) -> None:
    gone = await env.add_user("alice")
    await env.logins.end_all(gone.user)
    env.pass_time(8 * DAY)
    kept = await env.logins.log_in_as("alice", "a phone")
    await env.logins.end(kept.user, kept.session)

    assert await env.logins.sweep() == 1
    assert await env.logins.sweep() == 0
