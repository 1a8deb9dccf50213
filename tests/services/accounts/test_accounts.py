"""Creating, reading, changing and erasing accounts."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.domain.errors import (
    Conflict,
    Forbidden,
    Invalid,
    InvalidGrant,
    RateLimited,
    RegistrationClosed,
    Unauthorized,
    UsernameTaken,
    UserNotFound,
)
from app.store import users
from app.store.database import Database
from tests.services.env import (
    ADDRESS,
    OTHER_ADDRESS,
    PASSWORD,
    AccountsEnv,
    capture_security_log,
    logged_facts,
    open_accounts_env,
)

NEW = "battery staple horse"


@pytest.fixture
async def env(database: Database) -> AsyncIterator[AccountsEnv]:
    async with open_accounts_env(database) as opened:
        yield opened


async def test_a_registered_user_can_log_in(env: AccountsEnv, caplog: Any) -> None:
    capture_security_log(caplog)

    user = await env.accounts.register("Alice", PASSWORD, "  Alice Liddell ", ADDRESS)
    me = await env.authenticate(await env.log_in("ALICE"))

    assert (user.username, user.display_name, user.is_admin) == ("alice", "Alice Liddell", False)
    assert user.created_at == env.at
    assert (me.user, me.username, me.display_name) == (user.id, "alice", "Alice Liddell")
    assert logged_facts(caplog, "user.registered") == [{"user": "alice", "address": ADDRESS}]


async def test_passwords_and_tokens_are_neither_stored_nor_logged(
    env: AccountsEnv, caplog: Any
) -> None:
    caplog.set_level(0)

    user = await env.accounts.register("alice", PASSWORD, None, ADDRESS)
    tokens = await env.log_in("alice")

    assert user.password_hash is not None
    assert PASSWORD not in user.password_hash
    for record in caplog.records:
        assert PASSWORD not in str(vars(record))
        assert tokens.refresh_token not in str(vars(record))
        assert tokens.access_token not in str(vars(record))


async def test_a_taken_name_is_refused_in_any_case(env: AccountsEnv) -> None:
    await env.accounts.register("alice", PASSWORD, None, ADDRESS)

    with pytest.raises(UsernameTaken):
        await env.accounts.register("ALICE", NEW, None, ADDRESS)

    await env.log_in("alice")


async def test_concurrent_registrations_of_a_name_succeed_once(env: AccountsEnv) -> None:
    results = await asyncio.gather(
        *(env.accounts.register("alice", PASSWORD, None, ADDRESS) for _ in range(5)),
        return_exceptions=True,
    )

    assert sorted(type(result).__name__ for result in results) == ["User"] + ["UsernameTaken"] * 4


async def test_closed_registration_is_refused(database: Database) -> None:
    async with open_accounts_env(database, registration_open=False) as env:
        with pytest.raises(RegistrationClosed):
            await env.accounts.register("alice", PASSWORD, None, ADDRESS)

        made = await env.accounts.create("alice", PASSWORD)
        assert (await env.authenticate(await env.log_in("alice"))).user == made.id


async def test_registrations_per_address_are_limited(database: Database) -> None:
    async with open_accounts_env(database, registrations_per_minute=2) as env:
        await env.accounts.register("ann", PASSWORD, None, ADDRESS)
        with pytest.raises(Invalid):
            await env.accounts.register("bob", "short", None, ADDRESS)  # not counted
        await env.accounts.register("bob", PASSWORD, None, ADDRESS)

        with pytest.raises(RateLimited) as refused:
            await env.accounts.register("carol", PASSWORD, None, ADDRESS)

        assert refused.value.retry_after is not None
        assert 0 < refused.value.retry_after <= 60
        await env.accounts.register("carol", PASSWORD, None, OTHER_ADDRESS)


@pytest.mark.parametrize(
    ("username", "password", "display_name", "field"),
    [
        pytest.param("al", PASSWORD, None, "username", id="a short name"),
        pytest.param("me", PASSWORD, None, "username", id="a reserved name"),
        pytest.param("deleted-1", PASSWORD, None, "username", id="the name of an erased account"),
        pytest.param("al ice", PASSWORD, None, "username", id="a space"),
        pytest.param("alice\n", PASSWORD, None, "username", id="a newline"),
        pytest.param("ALİCE", PASSWORD, None, "username", id="a dotted capital I"),
        pytest.param("alice", "1234567", None, "password", id="a short password"),
        pytest.param("alice", "password", None, "password", id="a common password"),
        pytest.param("alice", "I am Alice!", None, "password", id="the name as a password"),
        pytest.param("alice", PASSWORD, "", "display_name", id="an empty display name"),
        pytest.param("alice", PASSWORD, " \t ", "display_name", id="a blank display name"),
        pytest.param("alice", PASSWORD, "x" * 65, "display_name", id="a long display name"),
        pytest.param("alice", PASSWORD, "a\0b", "display_name", id="NUL in the display name"),
        pytest.param(
            "alice", PASSWORD, "a\nb", "display_name", id="a newline in the display name"
        ),
        pytest.param(
            "alice", PASSWORD, "a\u202eb", "display_name", id="a mark that reorders text"
        ),
        pytest.param("alice", PASSWORD, "\ud800", "display_name", id="a surrogate"),
    ],
)
async def test_invalid_values_are_refused_by_field(
    env: AccountsEnv, username: str, password: str, display_name: str | None, field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        await env.accounts.register(username, password, display_name, ADDRESS)

    assert [error["loc"] for error in refused.value.errors] == [[field]]
    assert await env.accounts.find("", limit=10) == []


async def test_a_display_name_may_use_any_script_and_joined_emoji(env: AccountsEnv) -> None:
    shown = "Алиса 👩‍👩‍👧 アリス"

    assert (await env.accounts.create("alice", None, shown)).display_name == shown


async def test_a_user_reads_and_changes_their_account(env: AccountsEnv) -> None:
    me = await env.authenticate(await env.register("alice"))

    changed = await env.accounts.update_me(me, display_name=" Al ", address=ADDRESS)
    unchanged = await env.accounts.update_me(me, address=ADDRESS)

    assert changed.display_name == unchanged.display_name == "Al"
    assert await env.accounts.me(me) == changed
    assert env.revoked == []


async def test_a_new_password_ends_all_other_log_ins(env: AccountsEnv, caplog: Any) -> None:
    capture_security_log(caplog)
    here = await env.register("alice")
    there = await env.log_in("alice")
    me = await env.authenticate(here)

    await env.accounts.update_me(
        me, password=NEW, current_password=PASSWORD, display_name="Al", address=ADDRESS
    )

    assert await env.authenticate(here) == me._replace(display_name="Al")
    assert env.revoked == [(me.user, there.session)]
    with pytest.raises(Unauthorized):
        await env.authenticate(there)
    with pytest.raises(InvalidGrant):
        await env.logins.refresh(there.refresh_token)
    with pytest.raises(InvalidGrant):
        await env.log_in("alice")
    await env.log_in("alice", NEW)
    await env.logins.refresh(here.refresh_token)
    assert logged_facts(caplog, "user.password_changed") == [{"user": "alice", "address": ADDRESS}]


async def test_changing_the_password_requires_the_current_one(env: AccountsEnv) -> None:
    me = await env.authenticate(await env.register("alice"))

    with pytest.raises(Forbidden):
        await env.accounts.update_me(
            me, password=NEW, current_password="wrong one", display_name="Al", address=ADDRESS
        )
    for half, field in (
        ({"password": NEW}, "current_password"),
        ({"current_password": PASSWORD}, "password"),
    ):
        with pytest.raises(Invalid) as refused:
            await env.accounts.update_me(me, **half, address=ADDRESS)
        assert refused.value.errors[0]["loc"] == [field]
    with pytest.raises(Invalid):
        await env.accounts.update_me(
            me, password="password", current_password=PASSWORD, address=ADDRESS
        )

    assert (await env.accounts.me(me)).display_name == "alice"
    await env.log_in("alice")


async def test_concurrent_password_changes_succeed_once(env: AccountsEnv) -> None:
    me = await env.authenticate(await env.register("alice"))

    results = await asyncio.gather(
        *(
            env.accounts.update_me(me, password=new, current_password=PASSWORD, address=ADDRESS)
            for new in ("first new password", "other new password")
        ),
        return_exceptions=True,
    )

    assert sorted(type(result).__name__ for result in results) == ["Forbidden", "User"]


async def test_guessing_the_current_password_is_throttled(database: Database) -> None:
    async with open_accounts_env(database, failed_logins_per_minute=2) as env:
        me = await env.authenticate(await env.register("alice"))
        for _ in range(2):
            with pytest.raises(Forbidden):
                await env.accounts.delete_me(me, "wrong guess", ADDRESS)

        with pytest.raises(RateLimited):
            await env.accounts.delete_me(me, PASSWORD, ADDRESS)


async def test_an_account_without_a_password_accepts_none(env: AccountsEnv) -> None:
    me = await env.authenticate(await env.add_user("alice"))

    with pytest.raises(Forbidden):
        await env.accounts.update_me(me, password=NEW, current_password="", address=ADDRESS)
    with pytest.raises(InvalidGrant):
        await env.log_in("alice", "")


async def test_an_erased_account_keeps_only_its_number(env: AccountsEnv, caplog: Any) -> None:
    capture_security_log(caplog)
    tokens = await env.register("alice")
    me = await env.authenticate(tokens)

    await env.accounts.delete_me(me, PASSWORD, ADDRESS)

    left = await env.database.read(lambda c: users.by_id(c, me.user))
    assert left is not None
    assert left[:6] == (me.user, f"deleted-{me.user}", "", None, False, False)
    assert left.erased_at == env.at
    assert env.memberships_removed == [me.user]
    assert env.revoked == [(me.user, None)]
    for call in (env.authenticate(tokens), env.accounts.me(me)):
        with pytest.raises(Unauthorized):
            await call
    with pytest.raises(InvalidGrant):
        await env.log_in("alice")
    for name in ("alice", left.username):
        with pytest.raises(UserNotFound):
            await env.accounts.get(name)
    assert logged_facts(caplog, "user.erased") == [{"user": "alice", "address": ADDRESS}]


async def test_the_name_of_an_erased_account_is_taken(env: AccountsEnv) -> None:
    before = await env.register("alice")
    await env.accounts.delete_me(await env.authenticate(before), PASSWORD, ADDRESS)

    with pytest.raises(UsernameTaken):
        await env.register("Alice")

    await env.register("alicia")
    with pytest.raises(Unauthorized):
        await env.authenticate(before)  # although SQLite reuses the session id


async def test_the_only_administrator_can_not_erase_their_account(env: AccountsEnv) -> None:
    alice = await env.register("alice")
    await env.admin.set_admin("alice", True)

    with pytest.raises(Conflict):
        await env.accounts.delete_me(await env.authenticate(alice), PASSWORD, ADDRESS)

    await env.register("bob")
    await env.admin.set_admin("bob", True)
    await env.accounts.delete_me(await env.authenticate(alice), PASSWORD, ADDRESS)


async def test_erasing_requires_the_password(env: AccountsEnv) -> None:
    me = await env.authenticate(await env.register("alice"))

    with pytest.raises(Forbidden):
        await env.accounts.delete_me(me, "wrong one", ADDRESS)

    assert env.memberships_removed == []
    assert (await env.accounts.get("alice")).id == me.user


async def test_erase_requires_no_password(env: AccountsEnv) -> None:
    tokens = await env.add_user("alice")

    await env.accounts.erase("Alice")

    with pytest.raises(Unauthorized):
        await env.authenticate(tokens)
    with pytest.raises(UserNotFound):
        await env.accounts.erase("alice")


async def test_users_are_found_by_prefix(env: AccountsEnv) -> None:
    for name in ("alice", "alan", "bob"):
        await env.accounts.create(name, None)

    async def found(prefix: str, **page: Any) -> list[str]:
        return [user.username for user in await env.accounts.find(prefix, **page)]

    assert await found("AL", limit=10) == ["alan", "alice"]
    assert await found("", after="alan", limit=1) == ["alice"]
    for unknown in ("z", "%", "a b", "a\0", "\ud800", "é", "x" * 100):
        assert await found(unknown, limit=10) == []


async def test_a_user_is_found_by_name_even_if_disabled(env: AccountsEnv) -> None:
    await env.accounts.create("alice", None)
    await env.admin.disable("alice")

    assert (await env.accounts.get("ALICE")).username == "alice"
    for unknown in ("bob", "", "a b", "me", "x" * 100, "\ud800"):
        with pytest.raises(UserNotFound):
            await env.accounts.get(unknown)
