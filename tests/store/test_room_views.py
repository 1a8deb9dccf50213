"""Rooms as their members see them."""

import pytest

from app.domain.appends import Admit, OpenDirect
from app.domain.ids import RoomId
from app.domain.roles import Kind, Role
from app.domain.views import RoomView
from app.domain.working_set import NO_ROOM
from app.store import room_access, room_views
from app.store.database import Database, DbConnection
from app.store.room_views import RoomViewKey
from tests.store.log_env import START, LogEnv
from tests.store.statements import recorded


@pytest.fixture
async def env(database: Database) -> LogEnv:
    env = LogEnv(database)
    await env.add_users("ana", "bo", "eve")
    return env


@pytest.fixture
async def den(env: LogEnv) -> RoomId:
    """A private room, with ana as owner and bo as member."""
    den = await env.create_room("den", Kind.PRIVATE)
    await env.append(Admit, "ana", den, user=env.users["bo"])
    return den


async def view(env: LogEnv, room: RoomId, name: str) -> RoomView | None:
    key = RoomViewKey(room, env.users[name])
    return (await env.read(lambda c: room_views.load(c, [key]))).get(key)


async def test_a_member_sees_the_room_and_the_own_role(env: LogEnv, den: RoomId) -> None:
    seen = await view(env, den, "ana")

    assert (seen.name, seen.title, seen.kind) == ("den", "Den", Kind.PRIVATE)
    assert (seen.role, seen.first, seen.head) == (Role.OWNER, 1, 2)
    assert (await view(env, den, "bo")).role == Role.MEMBER


async def test_other_users_have_no_role_and_nothing_unread(env: LogEnv, den: RoomId) -> None:
    await env.send("ana", "one", den)

    seen = await view(env, den, "eve")

    # Hidden from them, the room is like one that doesn't exist.
    assert seen is None
    assert await view(env, RoomId(404), "eve") is None
    seen = await view(env, RoomId(1), "eve")
    assert (seen.role, seen.unread, seen.mentions, seen.other) == (None, 0, 0, None)
    assert seen.may_read(START)


async def test_a_direct_room_names_the_other_user(env: LogEnv) -> None:
    made = await env.append(OpenDirect, "ana", NO_ROOM, user=env.users["bo"], name="dm-1")

    assert (await view(env, made.room, "ana")).other == "bo"
    assert (await view(env, made.room, "bo")).other == "ana"


@pytest.mark.sqlite_only
async def test_any_number_of_views_is_one_statement(env: LogEnv) -> None:
    made = [await env.create_room(f"room-{number}") for number in range(5)]
    keys = [RoomViewKey(room, user) for room in made for user in env.users.values()]

    def work(connection: DbConnection) -> tuple[object, list[str]]:
        with recorded(connection) as statements:
            return room_views.load(connection, keys), statements

    found, statements = await env.read(work)

    assert len(statements) == 1
    assert set(found) == set(keys)


async def test_access_agrees_with_the_view(env: LogEnv, den: RoomId) -> None:
    keys = [(den, user) for user in env.users.values()]
    hidden = (den, env.users["eve"])

    found = await env.read(lambda c: room_access.load(c, [*keys, (RoomId(404), keys[0][1])]))

    assert set(found) == {*keys} - {hidden}
    for name, user in env.users.items():
        if (den, user) == hidden:
            continue
        access, seen = found[den, user], await view(env, den, name)
        assert (access.kind, access.head, access.role) == (seen.kind, seen.head, seen.role)
        assert access.may_read(START) == seen.may_read(START)
