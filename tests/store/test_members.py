"""The members of rooms, and who can succeed an owner."""

import pytest
import sqlalchemy as sa

from app.domain.appends import Admit, Mute, Remove
from app.domain.ids import Millis, RoomId
from app.domain.limits import MAX_MEMBERS_FOR_READ_SIGNALS
from app.domain.roles import Kind, Role
from app.store import members, users
from app.store.database import Database, DbConnection
from app.store.members import DepartingMember
from tests.store.log_env import START, LogEnv, insert_user


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


async def test_members_are_those_of_now_by_name(env: LogEnv, den: RoomId) -> None:
    muted_until = Millis(START + 1_000)
    eve, bo = env.users["eve"], env.users["bo"]
    await env.append(Admit, "ana", den, user=eve)
    await env.append(Mute, "ana", den, user=eve, on=True, until=muted_until)
    await env.append(Remove, "bo", den, user=bo)

    page = await env.read(lambda c: members.page(c, den, after="", limit=9))

    assert page == [
        ("ana", "Ana", Role.OWNER, START, None),
        ("eve", "Eve", Role.MEMBER, START, muted_until),
    ]
    assert await env.read(lambda c: members.page(c, den, after="ana", limit=1)) == page[1:]
    assert await env.read(lambda c: members.one(c, den, eve)) == page[1]
    assert await env.read(lambda c: members.one(c, den, bo)) is None


async def test_members_are_counted_as_far_as_it_matters(env: LogEnv, den: RoomId) -> None:
    large = await env.create_room("large")

    def fill(connection: DbConnection) -> None:
        rows = [
            {"room": large, "user": insert_user(connection, f"user{n}"), "at": START}
            for n in range(MAX_MEMBERS_FOR_READ_SIGNALS + 5)
        ]
        values = ", ".join(f"({r['room']}, {r['user']}, 'member', {r['at']})" for r in rows)
        connection.execute(
            sa.text(f"INSERT INTO members (room_id, user_id, role, joined_at) VALUES {values}")
        )

    await env.database.write(fill)

    counts = await env.read(lambda c: members.counts(c, [den, large, RoomId(404)]))

    assert counts == {den: 2, large: MAX_MEMBERS_FOR_READ_SIGNALS + 1, RoomId(404): 0}


async def test_the_successor_is_the_highest_and_then_the_first(env: LogEnv, den: RoomId) -> None:
    ana, bo, eve = (env.users[name] for name in ("ana", "bo", "eve"))

    async def departing(name: str) -> DepartingMember | None:
        return await env.read(lambda c: members.departing_member(c, den, env.users[name]))

    assert await departing("eve") is None
    assert await departing("bo") == (Kind.PRIVATE, Role.MEMBER, ana)
    assert await departing("ana") == (Kind.PRIVATE, Role.OWNER, bo)
    env.now = Millis(START + 1)
    await env.append(Admit, "ana", den, user=eve)
    assert (await departing("ana")).successor == bo
    await env.append(Admit, "ana", den, user=eve, role=Role.MODERATOR)
    assert (await departing("ana")).successor == eve
    await env.database.write(lambda c: users.update(c, eve, erased_at=START))
    assert (await departing("ana")).successor == bo
