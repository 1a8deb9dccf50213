"""What an operator does, and the entries of the audit log."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import sqlalchemy as sa

from app.domain.errors import (
    Forbidden,
    Invalid,
    RoomExists,
    RoomNotFound,
    UsernameTaken,
    UserNotFound,
)
from app.domain.ids import UserId
from app.domain.roles import Kind
from app.store import epoch as epoch_store
from app.store.database import Database
from app.store.tables import users
from tests.services.admin.env import ADMIN, PASSWORD, AdminEnv, open_admin_env


@pytest.fixture
async def env(database: Database) -> AsyncIterator[AdminEnv]:
    async with open_admin_env(database) as env:
        yield env


async def test_each_action_on_an_account_adds_an_entry(env: AdminEnv) -> None:
    admin = env.admin

    await admin.add_user("Alice", PASSWORD)
    await admin.add_user("bob", None, "Bob B.", is_admin=True, by=ADMIN)
    await admin.set_password("alice", "battery staple horse", ADMIN)
    await admin.disable("ALICE")
    await admin.enable("alice")
    await admin.set_admin("alice", True)
    await admin.set_admin("alice", False)
    await admin.log_in_as("bob", "a product", ADMIN)

    assert await env.entries() == [
        (None, "user.add", "alice"),
        (ADMIN, "user.add_admin", "bob"),
        (ADMIN, "user.set_password", "alice"),
        (None, "user.disable", "alice"),
        (None, "user.enable", "alice"),
        (None, "user.make_admin", "alice"),
        (None, "user.make_no_admin", "alice"),
        (ADMIN, "user.log_in_as", "bob"),
    ]
    assert [user for user, _ in env.revoked] == [UserId(1), UserId(1)]


async def test_each_action_is_logged(env: AdminEnv, caplog: Any) -> None:
    caplog.set_level("INFO", "parley.security")

    await env.admin.add_user("alice", PASSWORD, by=ADMIN)

    logged = [record for record in caplog.records if record.getMessage() == "operator.acted"]
    assert [record.facts for record in logged] == [
        {"action": "user.add", "target": "alice", "by_id": ADMIN}
    ]


@pytest.mark.parametrize(
    ("action", "error"),
    [
        pytest.param(
            lambda admin: admin.add_user("ana", PASSWORD), UsernameTaken, id="a taken name"
        ),
        pytest.param(lambda admin: admin.add_user("me", PASSWORD), Invalid, id="a reserved name"),
        pytest.param(
            lambda admin: admin.add_user("eve", "12345678"), Invalid, id="a weak password"
        ),
        pytest.param(
            lambda admin: admin.disable("eve"), UserNotFound, id="disabling an unknown user"
        ),
        pytest.param(
            lambda admin: admin.enable("eve"), UserNotFound, id="enabling an unknown user"
        ),
        pytest.param(
            lambda admin: admin.set_admin("e e", True), UserNotFound, id="an invalid name"
        ),
        pytest.param(
            lambda admin: admin.log_in_as("eve", ""), UserNotFound, id="logging in an unknown user"
        ),
        pytest.param(lambda admin: admin.rooms.add("general"), RoomExists, id="a taken room"),
        pytest.param(lambda admin: admin.rooms.add("dm-x"), Invalid, id="a reserved room"),
        pytest.param(lambda admin: admin.rooms.add("x", "a" * 201), Invalid, id="a long title"),
        pytest.param(
            lambda admin: admin.rooms.add("x", kind=Kind.PRIVATE), Invalid, id="no way in"
        ),
        pytest.param(
            lambda admin: admin.rooms.add("attic", owner="eve"),
            UserNotFound,
            id="an unknown owner",
        ),
        pytest.param(
            lambda admin: admin.rooms.set_archived("attic", True), RoomNotFound, id="no room"
        ),
    ],
)
async def test_a_refused_action_leaves_no_trace(env: AdminEnv, action: Any, error: Any) -> None:
    await env.admin.add_user("ana", None)

    with pytest.raises(error):
        await action(env.admin)

    assert await env.entries() == [(None, "user.add", "ana")]
    assert env.event_batches == []
    assert [room.name for room in await env.admin.rooms.page(limit=9)] == ["general"]


async def test_a_disabled_user_can_be_neither_logged_in_nor_made_an_owner(
    env: AdminEnv,
) -> None:
    await env.admin.add_user("ana", None)
    await env.admin.disable("ana")

    with pytest.raises(Forbidden):
        await env.admin.log_in_as("ana", "a product")
    with pytest.raises(UserNotFound):
        await env.admin.rooms.add("attic", owner="ana")


async def test_users_are_listed_by_name_including_disabled_ones(env: AdminEnv) -> None:
    for name in ("carol", "alice", "albert"):
        await env.admin.add_user(name, None)
    await env.admin.disable("albert")

    found = await env.admin.users("al", limit=5)

    assert [(user.username, user.active) for user in found] == [
        ("albert", False),
        ("alice", True),
    ]
    assert [user.username for user in await env.admin.users(after="alice", limit=5)] == ["carol"]


async def test_a_new_epoch_is_set_and_stored(env: AdminEnv) -> None:
    before = await env.database.read(epoch_store.read)

    epoch = await env.admin.new_epoch()

    assert epoch != before
    assert env.epoch.name == epoch
    assert await env.database.read(epoch_store.read) == epoch
    assert await env.entries() == [(None, "epoch.new", "installation")]


async def test_a_cancelled_caller_does_not_stop_an_action(env: AdminEnv, caplog: Any) -> None:
    caplog.set_level("INFO", "parley.security")
    calling = asyncio.create_task(env.admin.rooms.add("kitchen"))
    await asyncio.sleep(0)  # the action starts

    calling.cancel()
    await asyncio.gather(calling, return_exceptions=True)
    await env.admin.close()

    assert env.events == ["room.created"]
    assert await env.entries() == [(None, "room.add", "kitchen")]
    assert [r.getMessage() for r in caplog.records] == ["operator.acted"]


async def test_passwords_are_stored_as_hashes(env: AdminEnv) -> None:
    await env.admin.add_user("ana", PASSWORD)

    kept = sa.select(users.c.password_hash)
    stored = await env.database.read(lambda c: c.execute(kept).scalar_one())
    assert stored.startswith("$argon2id$")
