"""What the admin service's actions on accounts mean for their users."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.domain.errors import (
    Conflict,
    Forbidden,
    Invalid,
    InvalidGrant,
    Unauthorized,
    UserNotFound,
)
from app.store.database import Database
from tests.services.env import AccountsEnv, capture_security_log, logged_facts, open_accounts_env

NEW = "battery staple horse"


@pytest.fixture
async def env(database: Database) -> AsyncIterator[AccountsEnv]:
    async with open_accounts_env(database) as opened:
        yield opened


async def test_an_account_is_known_by_its_name_also_when_it_is_disabled(env: AccountsEnv) -> None:
    await env.register("alice")
    await env.admin.disable("alice")

    assert await env.admin.has_user("Alice")
    assert not await env.admin.has_user("alic")
    with pytest.raises(UserNotFound):
        await env.admin.has_user("../alice")


async def test_setting_a_password_ends_every_log_in(env: AccountsEnv, caplog: Any) -> None:
    capture_security_log(caplog)
    tokens = await env.register("alice")

    await env.admin.set_password("Alice", NEW)

    assert env.revoked == [(tokens.user, None)]
    with pytest.raises(Unauthorized):
        await env.authenticate(tokens)
    with pytest.raises(InvalidGrant):
        await env.log_in("alice")
    await env.log_in("alice", NEW)
    assert logged_facts(caplog, "user.password_reset") == [{"user": "alice"}]


async def test_a_weak_password_is_refused(env: AccountsEnv) -> None:
    tokens = await env.add_user("alice")

    with pytest.raises(Invalid):
        await env.admin.set_password("alice", "password")

    assert (await env.authenticate(tokens)).username == "alice"


async def test_a_disabled_account_is_unusable_until_it_is_enabled(
    env: AccountsEnv, caplog: Any
) -> None:
    capture_security_log(caplog)
    tokens = await env.register("alice")

    disabled = await env.admin.disable("alice")
    again = await env.admin.disable("alice")

    assert disabled.disabled_at == again.disabled_at == env.at
    assert env.revoked == [(tokens.user, None)]
    with pytest.raises(Unauthorized):
        await env.authenticate(tokens)
    with pytest.raises(InvalidGrant):
        await env.logins.refresh(tokens.refresh_token)
    with pytest.raises(InvalidGrant):
        await env.log_in("alice")
    with pytest.raises(Forbidden):
        await env.logins.log_in_as("alice", "a host product")

    enabled = await env.admin.enable("alice")

    assert enabled.active
    assert (await env.authenticate(await env.log_in("alice"))).username == "alice"
    with pytest.raises(Unauthorized):
        await env.authenticate(tokens)  # enabling doesn't restore ended log-ins
    assert logged_facts(caplog, "user.enabled") == [{"user": "alice"}]


async def test_administrator_rights_take_effect_with_the_next_request(env: AccountsEnv) -> None:
    tokens = await env.add_user("alice")
    assert not (await env.authenticate(tokens)).is_admin

    made = await env.admin.set_admin("alice", True)
    assert made.is_admin
    assert (await env.authenticate(tokens)).is_admin

    await env.admin.set_admin("alice", False)
    assert not (await env.authenticate(tokens)).is_admin


async def test_unknown_and_erased_accounts_are_not_found(env: AccountsEnv) -> None:
    await env.add_user("alice")
    await env.accounts.erase("alice")

    for name in ("nobody", "alice", "deleted-1", "a b"):
        for attempt in (
            env.admin.set_password(name, NEW),
            env.admin.disable(name),
            env.admin.enable(name),
            env.admin.set_admin(name, True),
            env.logins.log_in_as(name, "x"),
        ):
            with pytest.raises(UserNotFound):
                await attempt


# The only administrator


async def test_the_only_administrator_can_not_be_lost_over_http(env: AccountsEnv) -> None:
    alice = await env.add_user("alice")
    bob = await env.add_user("bob")
    for name in ("alice", "bob"):
        await env.admin.set_admin(name, True)
    await env.admin.disable("bob", by=alice.user)
    by = alice.user

    for attempt in (
        lambda: env.admin.disable("alice", by),
        lambda: env.admin.set_admin("alice", False, by),
        lambda: env.admin.erase_user("alice", by=by),
    ):
        with pytest.raises(Conflict):
            await attempt()

    assert (await env.authenticate(alice)).is_admin
    await env.admin.enable("bob", by)
    await env.admin.set_admin("alice", False, by)
    # Who is no administrator can be disabled as before, even by the only one.
    await env.admin.disable("alice", bob.user)


async def test_the_command_line_may_leave_no_administrator(env: AccountsEnv) -> None:
    await env.add_user("alice")
    await env.admin.set_admin("alice", True)

    assert not (await env.admin.disable("alice")).active
    assert not (await env.admin.set_admin("alice", False)).is_admin
