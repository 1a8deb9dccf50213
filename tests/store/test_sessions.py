"""Log-ins: how long they live, and how they end."""

import pytest
from sqlalchemy import insert, select

from app.domain.ids import Millis, SessionId
from app.store import sessions, users
from app.store.database import Database, DbConnection
from app.store.sessions import SessionOwner
from app.store.tables import sessions as sessions_table
from tests.store.session_env import DAY, LATER, NOW, SessionEnv, open_session_env
from tests.store.statements import is_constant, opcodes


@pytest.fixture
async def env(database: Database) -> SessionEnv:
    return await open_session_env(database)


async def test_a_log_in_has_an_owner_until_it_is_ended(env: SessionEnv) -> None:
    session = await env.log_in(1)

    found = await env.owners(session, SessionId(404))

    assert found.keys() == {session}
    assert found[session] == SessionOwner(
        session, env.alice, "alice", "Alice", NOW, True, NOW + 30 * DAY, NOW
    )
    assert found[session].is_admin is True
    await env.end(session)
    assert await env.owners(session) == {}


@pytest.mark.parametrize("column", ["disabled_at", "erased_at"])
async def test_a_user_who_may_not_log_in_owns_nothing(env: SessionEnv, column: str) -> None:
    session = await env.log_in(1)

    await env.database.write(lambda c: users.update(c, env.alice, **{column: NOW}))

    assert await env.owners(session) == {}


async def test_a_log_in_ends_once_and_only_for_its_user(env: SessionEnv) -> None:
    eve = await env.add_user("eve")
    session = await env.log_in(1)

    assert await env.end(session, user=eve) == []
    assert await env.end(session) == [session]
    assert await env.end(session, at=LATER) == []

    assert await env.revoked() == [(env.alice, session)]
    assert await env.tokens_left() == 0


async def test_ending_all_is_one_revocation_and_ending_others_is_one_each(
    env: SessionEnv,
) -> None:
    eve = await env.add_user("eve")
    first, second, third = [await env.log_in(n) for n in (1, 2, 3)]
    foreign = await env.log_in(4, user=eve)

    ended = await env.database.write(lambda c: sessions.end_others(c, env.alice, second, NOW))
    await env.database.write(lambda c: sessions.end_all(c, env.alice, NOW))

    assert ended == [first, third]
    assert await env.revoked() == [(env.alice, first), (env.alice, third), (env.alice, None)]
    assert (await env.owners(first, second, third, foreign)).keys() == {foreign}


async def test_live_log_ins_are_listed_newest_first_in_pages(env: SessionEnv) -> None:
    made = [await env.log_in(n) for n in range(5)]
    short = await env.log_in(10, days=1)
    await env.end(made[2])

    def listed(now: Millis, before: int | None = None, limit: int = 10) -> object:
        return env.database.read(
            lambda c: [s.id for s in sessions.live(c, env.alice, now, before=before, limit=limit)]
        )

    expected = [made[4], made[3], made[1], made[0]]
    assert await listed(NOW) == [short, *expected]
    assert await listed(Millis(NOW + DAY)) == expected
    assert await listed(Millis(NOW + DAY), limit=2) == expected[:2]
    assert await listed(Millis(NOW + DAY), before=expected[1]) == expected[2:]


async def test_the_last_use_only_moves_forward(env: SessionEnv) -> None:
    one, two = [await env.log_in(n) for n in (1, 2)]

    await env.database.write(lambda c: sessions.record_use(c, [one, two], LATER))
    await env.database.write(lambda c: sessions.record_use(c, [two], NOW))

    found = await env.owners(one, two)
    assert [found[one].last_used_at, found[two].last_used_at] == [LATER, LATER]


async def test_deleting_leaves_no_log_in_and_no_token(env: SessionEnv) -> None:
    eve = await env.add_user("eve")
    await env.log_in(1)
    kept = await env.log_in(2, user=eve)

    await env.database.write(lambda c: sessions.delete_all(c, env.alice))

    left = await env.database.read(
        lambda c: c.execute(select(sessions_table.c.id)).scalars().all()
    )
    assert left == [kept]
    assert await env.tokens_left() == 1


async def test_sweeping_deletes_what_is_over_and_keeps_the_newest_revocation(
    env: SessionEnv,
) -> None:
    ended, short, live = [await env.log_in(n, days=days) for n, days in ((1, 30), (2, 1), (3, 30))]
    await env.end(ended)
    await env.database.write(lambda c: sessions.end_all(c, env.alice, NOW))
    fresh = await env.log_in(4)

    swept = await env.database.write(lambda c: sessions.sweep(c, Millis(NOW + 2 * DAY)))

    assert swept == 3
    assert (await env.owners(ended, short, live, fresh)).keys() == {fresh}
    assert await env.revoked() == [(env.alice, None)]
    assert await env.tokens_left() == 1


@pytest.mark.sqlite_only
async def test_the_cost_of_owners_does_not_grow_with_the_table(env: SessionEnv) -> None:
    session = await env.log_in(1)

    def fill(connection: DbConnection) -> None:
        row = {"user_id": env.alice, "label": "", "created_at": NOW, "last_used_at": NOW}
        rows = [{**row, "expires_at": NOW + DAY} for _ in range(5_000)]
        connection.execute(insert(sessions_table), rows)

    def cost(connection: DbConnection) -> int:
        return opcodes(connection, lambda c: sessions.owners(c, [session]))

    before = await env.database.read(cost)
    await env.database.write(fill)

    assert is_constant(before, await env.database.read(cost))
