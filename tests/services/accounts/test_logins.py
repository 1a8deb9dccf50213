"""How log-ins begin, go on and end."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from passlib.hash import argon2

from app.domain.errors import InvalidGrant, RateLimited, Unauthorized
from app.store import users
from app.store.database import Database
from tests.services.house import (
    DAY,
    ELSEWHERE,
    HOME,
    MINUTE,
    PASSWORD,
    House,
    listen,
    open_house,
    said,
)


@pytest.fixture
async def house(database: Database) -> AsyncIterator[House]:
    async with open_house(database) as opened:
        yield opened


async def test_a_log_in_brings_both_tokens(house: House, caplog: Any) -> None:
    listen(caplog)

    tokens = await house.registers("alice")

    assert tokens.expires_in == 15 * 60
    assert len(tokens.refresh_token) == 43
    me = await house.who(tokens)
    assert (me.user, me.session) == (tokens.user, tokens.session)
    facts = {"user": "alice", "session": tokens.session, "address": HOME}
    assert said(caplog, "login.succeeded") == [facts]


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
        pytest.param("a\0", PASSWORD, id="a name nobody can have"),
        pytest.param("\ud800", PASSWORD, id="a surrogate for a name"),
        pytest.param("x" * 100_000, PASSWORD, id="a huge name"),
        pytest.param("' OR 1=1 --", PASSWORD, id="SQL"),
    ],
)
async def test_every_failure_is_answered_alike(
    house: House, caplog: Any, username: str, password: str
) -> None:
    listen(caplog)
    for name in ("alice", "disabled"):
        await house.accounts.register(name, PASSWORD, None, HOME)
    await house.accounts.create("host", None)
    await house.admin.disable("disabled")

    with pytest.raises(InvalidGrant) as refused:
        await house.logs_in(username, password)

    assert refused.value.detail == InvalidGrant.default_detail
    known = username if username in ("alice", "bob", "host", "disabled") else None
    assert said(caplog, "login.failed") == [{"user": known, "address": HOME}]


async def test_unknown_names_are_not_logged_as_they_were_typed(house: House, caplog: Any) -> None:
    caplog.set_level(0)

    with pytest.raises(InvalidGrant):
        await house.logs_in("My Secret Passphrase", "alice")

    assert not any("Passphrase" in str(vars(record)) for record in caplog.records)


async def test_an_outdated_hash_is_replaced_at_log_in(house: House) -> None:
    await house.accounts.register("alice", PASSWORD, None, HOME)
    user = await house.accounts.get("alice")
    old = argon2.using(type="ID", memory_cost=8_192, rounds=1, parallelism=1).hash(PASSWORD)
    await house.database.write(lambda c: users.update(c, user.id, password_hash=old))

    answers = await asyncio.gather(*(house.logs_in("alice") for _ in range(3)))

    assert len({tokens.session for tokens in answers}) == 3
    stored = (await house.accounts.get("alice")).password_hash
    assert stored is not None
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    await house.logs_in("alice")


async def test_a_password_that_is_changed_meanwhile_opens_nothing(house: House) -> None:
    """Whatever the order: afterwards only log-ins with the new password live."""
    await house.accounts.register("alice", PASSWORD, None, HOME)

    answers = await asyncio.gather(
        house.admin.set_password("alice", "battery staple horse"),
        *(house.logs_in("alice") for _ in range(6)),
        return_exceptions=True,
    )

    user = await house.accounts.get("alice")
    assert len(answers) == 7
    assert await house.logins.live(user.id, limit=10) == []


async def test_after_so_many_failures_even_the_right_password_waits(database: Database) -> None:
    async with open_house(database, failed_logins_per_minute=3) as house:
        await house.accounts.register("alice", PASSWORD, None, HOME)
        for _ in range(3):
            with pytest.raises(InvalidGrant):
                await house.logs_in("alice", "wrong", ELSEWHERE)

        with pytest.raises(RateLimited) as refused:
            await house.logs_in("alice", PASSWORD, ELSEWHERE)

        assert refused.value.retry_after is not None


async def test_successes_do_not_count(database: Database) -> None:
    async with open_house(database, failed_logins_per_minute=2) as house:
        await house.accounts.register("alice", PASSWORD, None, HOME)

        for _ in range(5):
            await house.logs_in("alice")


async def test_the_owner_gets_in_from_home_while_somebody_guesses(database: Database) -> None:
    async with open_house(database, failed_logins_per_minute=2) as house:
        await house.registers("alice")
        for _ in range(2):
            with pytest.raises(InvalidGrant):
                await house.logs_in("alice", "guess", ELSEWHERE)
        with pytest.raises(RateLimited):
            await house.logs_in("alice", "guess", ELSEWHERE)

        assert (await house.who(await house.logs_in("alice"))).username == "alice"


async def test_guessing_all_at_once_gains_nothing(database: Database) -> None:
    """The right guess is the last of many: it must be turned away like the others."""
    async with open_house(database, failed_logins_per_minute=3) as house:
        await house.accounts.register("alice", PASSWORD, None, HOME)
        guesses = ["wrong"] * 10 + [PASSWORD]

        answers = await asyncio.gather(
            *(house.logs_in("alice", guess, ELSEWHERE) for guess in guesses),
            return_exceptions=True,
        )

    kinds = [type(answer).__name__ for answer in answers]
    assert kinds.count("InvalidGrant") <= 4  # two threads may decide the last one together
    assert kinds[-1] == "RateLimited"


async def test_somebody_is_logged_in_without_a_password(house: House, caplog: Any) -> None:
    listen(caplog)
    await house.accounts.create("alice", None)

    tokens = await house.logins.log_in_as("Alice", "a host product")

    assert (await house.who(tokens)).username == "alice"
    assert said(caplog, "login.granted") == [{"user": "alice", "session": tokens.session}]


async def test_a_refresh_goes_on_with_the_same_log_in(house: House) -> None:
    first = await house.moves_in("alice")

    house.pass_time(20 * MINUTE)
    second = await house.logins.refresh(first.refresh_token)

    assert second.session == first.session
    assert second.refresh_token != first.refresh_token
    assert (await house.who(second)).session == first.session
    assert house.revoked == []


async def test_a_lost_answer_is_asked_for_again(house: House) -> None:
    first = await house.moves_in("alice")

    once = await house.logins.refresh(first.refresh_token)
    house.pass_time(10_000)
    again = await house.logins.refresh(first.refresh_token)

    house.pass_time(MINUTE)
    for successor in (once, again):
        assert (await house.logins.refresh(successor.refresh_token)).session == first.session


async def test_two_tabs_refresh_at_once(house: House) -> None:
    first = await house.moves_in("alice")

    answers = await asyncio.gather(*(house.logins.refresh(first.refresh_token) for _ in range(4)))

    assert len({tokens.refresh_token for tokens in answers}) == 4
    for tokens in answers:
        assert (await house.who(tokens)).session == first.session


async def test_a_stolen_token_ends_the_log_in_for_both(house: House, caplog: Any) -> None:
    listen(caplog)
    first = await house.moves_in("alice")
    other = await house.logins.log_in_as("alice", "another device")
    second = await house.logins.refresh(first.refresh_token)
    house.pass_time(10_001)

    with pytest.raises(InvalidGrant):
        await house.logins.refresh(first.refresh_token)

    assert house.revoked == [(first.user, first.session)]
    with pytest.raises(InvalidGrant):
        await house.logins.refresh(second.refresh_token)
    with pytest.raises(Unauthorized):
        await house.who(second)
    assert (await house.who(other)).session == other.session
    facts = {"user_id": first.user, "session": first.session}
    assert said(caplog, "login.refresh_token_reused") == [facts]


async def test_a_very_old_token_of_the_same_log_in_counts_as_stolen(house: House) -> None:
    first = tokens = await house.moves_in("alice")
    for _ in range(5):
        house.pass_time(DAY)
        tokens = await house.logins.refresh(tokens.refresh_token)

    with pytest.raises(InvalidGrant):
        await house.logins.refresh(first.refresh_token)

    assert house.revoked == [(first.user, first.session)]


async def test_refreshing_does_not_outlive_the_log_in(house: House) -> None:
    tokens = await house.moves_in("alice")
    house.pass_time(30 * DAY - 1)
    last = await house.logins.refresh(tokens.refresh_token)
    assert (await house.who(last)).expires_at == house.at + 1

    house.pass_time(1)

    with pytest.raises(Unauthorized):
        await house.who(last)
    with pytest.raises(InvalidGrant):
        await house.logins.refresh(last.refresh_token)


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
async def test_what_is_no_refresh_token_is_refused_and_may_be_revoked(
    house: House, token: str
) -> None:
    with pytest.raises(InvalidGrant):
        await house.logins.refresh(token)

    await house.logins.revoke(token)
    assert house.revoked == []


async def test_an_access_token_is_no_refresh_token_and_the_reverse(house: House) -> None:
    tokens = await house.moves_in("alice")

    with pytest.raises(InvalidGrant):
        await house.logins.refresh(tokens.access_token)
    with pytest.raises(Unauthorized):
        await house.authenticator.authenticate(tokens.refresh_token)


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
async def test_revoking_either_token_ends_the_log_in(house: House, kind: str) -> None:
    tokens = await house.moves_in("alice")

    await house.logins.revoke(getattr(tokens, kind))
    await house.logins.revoke(getattr(tokens, kind))

    assert house.revoked == [(tokens.user, tokens.session)]
    with pytest.raises(Unauthorized):
        await house.who(tokens)
    with pytest.raises(InvalidGrant):
        await house.logins.refresh(tokens.refresh_token)


async def test_a_spent_refresh_token_still_logs_out(house: House) -> None:
    first = await house.moves_in("alice")
    second = await house.logins.refresh(first.refresh_token)

    await house.logins.revoke(first.refresh_token)

    with pytest.raises(Unauthorized):
        await house.who(second)


async def test_an_expired_access_token_revokes_nothing(house: House) -> None:
    tokens = await house.moves_in("alice")
    house.pass_time(15 * MINUTE)

    await house.logins.revoke(tokens.access_token)

    assert house.revoked == []
    await house.logins.refresh(tokens.refresh_token)


async def test_ones_log_ins_are_listed_and_ended_one_by_one(house: House) -> None:
    first = await house.moves_in("alice")
    house.pass_time(MINUTE)
    second = await house.logins.log_in_as("alice", "a phone")

    listed = await house.logins.live(first.user, limit=10)
    assert [(s.id, s.label, s.created_at) for s in listed] == [
        (second.session, "a phone", house.at),
        (first.session, "a browser", house.at - MINUTE),
    ]

    await house.logins.end(first.user, second.session)
    await house.logins.end(first.user, second.session)

    assert house.revoked == [(first.user, second.session)]
    assert [s.id for s in await house.logins.live(first.user, limit=10)] == [first.session]
    with pytest.raises(Unauthorized):
        await house.who(second)


async def test_nobody_ends_somebody_elses(house: House) -> None:
    alice, eve = await house.moves_in("alice"), await house.moves_in("eve")

    await house.logins.end(eve.user, alice.session)

    assert house.revoked == []
    assert (await house.who(alice)).username == "alice"


async def test_all_end_at_once(house: House) -> None:
    first = await house.moves_in("alice")
    second = await house.logins.log_in_as("alice", "a phone")
    eve = await house.moves_in("eve")

    await house.logins.end_all(first.user)

    assert house.revoked == [(first.user, None)]
    for tokens in (first, second):
        with pytest.raises(Unauthorized):
            await house.who(tokens)
    assert (await house.who(eve)).username == "eve"


async def test_a_label_is_cut_and_cleaned(house: House) -> None:
    await house.accounts.create("alice", None)

    tokens = await house.logins.log_in_as("alice", " Büro\r\n\x1b[31m\0\u202e\ud800" + "x" * 500)

    (session,) = await house.logins.live(tokens.user, limit=10)
    assert session.label.startswith("Büro [31m xxx")
    assert len(session.label) == 120


async def test_sweeping_takes_what_ended_long_ago(house: House) -> None:
    gone = await house.moves_in("alice")
    await house.logins.end_all(gone.user)
    house.pass_time(8 * DAY)
    kept = await house.logins.log_in_as("alice", "a phone")
    await house.logins.end(kept.user, kept.session)

    assert await house.logins.sweep() == 1
    assert await house.logins.sweep() == 0
