"""What an operator does to rooms."""

from collections.abc import AsyncIterator

import pytest
import sqlalchemy as sa

from app.domain.roles import Kind
from app.store.checking import check
from app.store.database import Database
from app.store.tables import members
from tests.services.admin.env import ADMIN, NOW, AdminEnv, open_admin_env


@pytest.fixture
async def env(database: Database) -> AsyncIterator[AdminEnv]:
    async with open_admin_env(database) as env:
        yield env


async def test_a_room_is_created_announced_and_listed(env: AdminEnv) -> None:
    made = await env.admin.rooms.add("Kitchen", " Food ", Kind.PUBLIC, by=ADMIN)

    assert (made.name, made.title, made.kind, made.head) == ("kitchen", "Food", Kind.PUBLIC, 1)
    assert made.member_count == 0
    assert env.events == ["room.created"]
    assert await env.entries() == [(ADMIN, "room.add", "kitchen")]
    listed = await env.admin.rooms.page(after="general", limit=5)
    assert listed == [made]


async def test_a_private_room_can_be_created_with_an_owner(env: AdminEnv) -> None:
    await env.admin.add_user("ana", None)

    made = await env.admin.rooms.add("attic", kind=Kind.PRIVATE, owner="Ana")

    assert made.member_count == 1
    assert env.events == ["room.created", "member.joined", "member.updated"]
    role = sa.select(members.c.role).where(members.c.room_id == made.id)
    assert await env.database.read(lambda c: c.execute(role).scalar_one()) == "owner"
    assert (await env.database.read(check)).findings == []


async def test_archiving_and_reopening_are_events_by_the_administrator(env: AdminEnv) -> None:
    admin = await env.admin.add_user("ada", None, is_admin=True)

    assert (await env.admin.rooms.set_archived("General", True, admin.id)).archived_at == NOW
    assert (await env.admin.rooms.set_archived("general", True, admin.id)).archived_at == NOW
    assert (await env.admin.rooms.set_archived("general", False)).archived_at is None

    assert env.events == ["room.archived", "room.reopened"]
    assert [batch.events[0].by for batch in env.event_batches] == [admin.id, None]
    assert [action for _, action, _ in await env.entries()][1:] == [
        "room.archive",
        "room.archive",
        "room.reopen",
    ]
