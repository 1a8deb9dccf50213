"""Log-ins on disk: their tokens, and how they end."""

import pytest
from sqlalchemy import Connection, select, text

from app.domain.ids import Millis, SessionId, UserId
from app.domain.limits import REFRESH_GRACE_SECONDS
from app.store import sessions, users
from app.store.database import Database
from app.store.sessions import RefreshOutcome, RefreshResult
from app.store.tables import refresh_tokens, revocations
from app.store.tables import sessions as sessions_table

NOW = Millis(1_795_000_000_000)
LATER = Millis(NOW + 1_000)
TOO_LATE = Millis(NOW + REFRESH_GRACE_SECONDS * 1000 + 1)
DAY = 24 * 60 * 60 * 1000


def code(n: int) -> bytes:
    return n.to_bytes(32, "big")


def log_in(connection: Connection, user: UserId, n: int, *, days: int = 30) -> SessionId:
    return sessions.insert(
        connection,
        user=user,
        label=f"device {n}",
        at=NOW,
        expires_at=Millis(NOW + days * DAY),
        refresh_hash=code(n),
    )


@pytest.fixture
async def alice(database: Database) -> UserId:
    return await someone(database, "alice")


async def someone(database: Database, name: str) -> UserId:
    made = await database.write(
        lambda c: users.insert(
            c, username=name, display_name=name, password_hash=None, is_admin=True, at=NOW
        )
    )
    return made.id


async def revoked(database: Database) -> list[tuple[int, int | None]]:
    columns = (revocations.c.user_id, revocations.c.session_id)
    return await database.read(
        lambda c: [tuple(row) for row in c.execute(select(*columns).order_by(revocations.c.id))]
    )


async def tokens_left(database: Database) -> int:
    return await database.read(lambda c: len(c.execute(select(refresh_tokens)).all()))


async def rotate_refresh_token(
    database: Database, old: int, new: int, at: Millis
) -> RefreshResult:
    return await database.write(
        lambda c: sessions.rotate_refresh_token(c, code(old), code(new), at)
    )


async def test_a_log_in_has_a_holder_while_it_lives(database: Database, alice: UserId) -> None:
    session = await database.write(lambda c: log_in(c, alice, 1))

    found = await database.read(lambda c: sessions.owners(c, [session, SessionId(404)]))

    assert found.keys() == {session}
    assert found[session] == (session, alice, "alice", "alice", True, NOW + 30 * DAY, NOW)
    assert found[session].is_admin is True
    await database.write(lambda c: sessions.end(c, alice, [session], NOW))
    assert await database.read(lambda c: sessions.owners(c, [session])) == {}


@pytest.mark.parametrize("column", ["disabled_at", "erased_at"])
async def test_who_is_kept_out_holds_nothing(
    database: Database, alice: UserId, column: str
) -> None:
    session = await database.write(lambda c: log_in(c, alice, 1))

    await database.write(lambda c: users.update(c, alice, **{column: NOW}))

    assert await database.read(lambda c: sessions.owners(c, [session])) == {}
    refused = await rotate_refresh_token(database, 1, 2, LATER)
    assert refused.outcome is RefreshOutcome.REFUSED


async def test_an_unspent_token_is_exchanged(database: Database, alice: UserId) -> None:
    session = await database.write(lambda c: log_in(c, alice, 1))

    first = await rotate_refresh_token(database, 1, 2, LATER)
    second = await rotate_refresh_token(database, 2, 3, TOO_LATE)

    assert first == second == (RefreshOutcome.EXCHANGED, alice, session)
    assert await tokens_left(database) == 3


async def test_both_successors_of_a_token_spent_twice_at_once_live(
    database: Database, alice: UserId
) -> None:
    await database.write(lambda c: log_in(c, alice, 1))
    grace_ends = Millis(TOO_LATE - 1)

    assert (await rotate_refresh_token(database, 1, 2, NOW)).outcome is RefreshOutcome.EXCHANGED
    assert (
        await rotate_refresh_token(database, 1, 3, grace_ends)
    ).outcome is RefreshOutcome.EXCHANGED

    assert (
        await rotate_refresh_token(database, 2, 4, TOO_LATE)
    ).outcome is RefreshOutcome.EXCHANGED
    assert (
        await rotate_refresh_token(database, 3, 5, TOO_LATE)
    ).outcome is RefreshOutcome.EXCHANGED


async def test_a_token_spent_long_ago_ends_the_log_in(database: Database, alice: UserId) -> None:
    session = await database.write(lambda c: log_in(c, alice, 1))
    other = await database.write(lambda c: log_in(c, alice, 10))
    await rotate_refresh_token(database, 1, 2, NOW)
    await rotate_refresh_token(
        database, 1, 3, LATER
    )  # in time, which does not begin the grace anew

    reused = await rotate_refresh_token(database, 1, 4, TOO_LATE)

    assert reused == (RefreshOutcome.REUSED, alice, session)
    assert await revoked(database) == [(alice, session)]
    assert (await rotate_refresh_token(database, 2, 5, TOO_LATE)).outcome is RefreshOutcome.REFUSED
    assert (await rotate_refresh_token(database, 1, 6, TOO_LATE)).outcome is RefreshOutcome.REFUSED
    assert (await database.read(lambda c: sessions.owners(c, [session, other]))).keys() == {other}


async def test_a_token_of_nothing_and_of_what_is_over_is_refused(
    database: Database, alice: UserId
) -> None:
    ended = await database.write(lambda c: log_in(c, alice, 1))
    await database.write(lambda c: log_in(c, alice, 2, days=1))
    await database.write(lambda c: sessions.end(c, alice, [ended], NOW))

    assert (await rotate_refresh_token(database, 404, 5, NOW)) == (
        RefreshOutcome.REFUSED,
        None,
        None,
    )
    assert (await rotate_refresh_token(database, 1, 6, NOW)).outcome is RefreshOutcome.REFUSED
    assert (
        await rotate_refresh_token(database, 2, 7, Millis(NOW + DAY))
    ).outcome is RefreshOutcome.REFUSED


async def test_refreshing_does_not_move_the_end(database: Database, alice: UserId) -> None:
    session = await database.write(lambda c: log_in(c, alice, 1))

    await rotate_refresh_token(database, 1, 2, LATER)

    holders = await database.read(lambda c: sessions.owners(c, [session]))
    assert holders[session].expires_at == NOW + 30 * DAY


async def test_ending_is_noted_once_and_only_for_ones_own(
    database: Database, alice: UserId
) -> None:
    eve = await someone(database, "eve")
    session = await database.write(lambda c: log_in(c, alice, 1))

    assert await database.write(lambda c: sessions.end(c, eve, [session], NOW)) == []
    assert await database.write(lambda c: sessions.end(c, alice, [session], NOW)) == [session]
    assert await database.write(lambda c: sessions.end(c, alice, [session], LATER)) == []

    assert await revoked(database) == [(alice, session)]
    assert await tokens_left(database) == 0


async def test_all_end_with_one_note_and_others_with_one_each(
    database: Database, alice: UserId
) -> None:
    eve = await someone(database, "eve")
    first, second, third = [
        await database.write(lambda c, n=n: log_in(c, alice, n)) for n in (1, 2, 3)
    ]
    foreign = await database.write(lambda c: log_in(c, eve, 4))

    ended = await database.write(lambda c: sessions.end_others(c, alice, second, NOW))
    await database.write(lambda c: sessions.end_all(c, alice, NOW))

    assert ended == [first, third]
    assert await revoked(database) == [(alice, first), (alice, third), (alice, None)]
    left = await database.read(lambda c: sessions.owners(c, [first, second, third, foreign]))
    assert left.keys() == {foreign}


async def test_live_ones_are_listed_newest_first_in_pages(
    database: Database, alice: UserId
) -> None:
    made = [await database.write(lambda c, n=n: log_in(c, alice, n)) for n in range(5)]
    short = await database.write(lambda c: log_in(c, alice, 10, days=1))
    await database.write(lambda c: sessions.end(c, alice, [made[2]], NOW))

    def listed(now: Millis, before: int | None = None, limit: int = 10) -> object:
        return database.read(
            lambda c: [s.id for s in sessions.live(c, alice, now, before=before, limit=limit)]
        )

    wanted = [made[4], made[3], made[1], made[0]]
    assert await listed(NOW) == [short, *wanted]
    assert await listed(Millis(NOW + DAY)) == wanted
    assert await listed(Millis(NOW + DAY), limit=2) == wanted[:2]
    assert await listed(Millis(NOW + DAY), before=wanted[1]) == wanted[2:]


async def test_last_use_only_moves_forward(database: Database, alice: UserId) -> None:
    one, two = [await database.write(lambda c, n=n: log_in(c, alice, n)) for n in (1, 2)]

    await database.write(lambda c: sessions.touch(c, [one, two], LATER))
    await database.write(lambda c: sessions.touch(c, [two], NOW))

    found = await database.read(lambda c: sessions.owners(c, [one, two]))
    assert [found[one].last_used_at, found[two].last_used_at] == [LATER, LATER]


async def test_a_refresh_token_tells_whose_it_is_also_when_spent(
    database: Database, alice: UserId
) -> None:
    session = await database.write(lambda c: log_in(c, alice, 1))
    await rotate_refresh_token(database, 1, 2, NOW)

    for n in (1, 2):
        owner = await database.read(lambda c, n=n: sessions.owner_of_token(c, code(n)))
        assert owner == (alice, session)
    assert await database.read(lambda c: sessions.owner_of_token(c, code(404))) is None


async def test_forgetting_leaves_nothing(database: Database, alice: UserId) -> None:
    eve = await someone(database, "eve")
    await database.write(lambda c: log_in(c, alice, 1))
    kept = await database.write(lambda c: log_in(c, eve, 2))

    await database.write(lambda c: sessions.forget(c, alice))

    left = await database.read(lambda c: c.execute(select(sessions_table.c.id)).scalars().all())
    assert left == [kept]
    assert await tokens_left(database) == 1


async def test_sweeping_takes_what_is_over_and_keeps_the_newest_revocation(
    database: Database, alice: UserId
) -> None:
    ended, short, lives = [
        await database.write(lambda c, n=n, d=days: log_in(c, alice, n, days=d))
        for n, days in ((1, 30), (2, 1), (3, 30))
    ]
    await database.write(lambda c: sessions.end(c, alice, [ended], NOW))
    await database.write(lambda c: sessions.end_all(c, alice, NOW))
    fresh = await database.write(lambda c: log_in(c, alice, 4))

    swept = await database.write(lambda c: sessions.sweep(c, Millis(NOW + 2 * DAY)))

    assert swept == 3
    assert (
        await database.read(lambda c: sessions.owners(c, [ended, short, lives, fresh]))
    ).keys() == {fresh}
    assert await revoked(database) == [(alice, None)]
    assert await tokens_left(database) == 1


@pytest.mark.sqlite_only
async def test_holders_are_found_by_their_keys(database: Database) -> None:
    def plan(connection: Connection) -> str:
        statement = text(
            "EXPLAIN QUERY PLAN SELECT s.id FROM (SELECT json_extract(value, '$[0]') AS session"
            " FROM json_each('[[1]]')) AS k JOIN sessions s ON s.id = k.session"
            " JOIN users u ON u.id = s.user_id"
        )
        return " ".join(str(row) for row in connection.execute(statement))

    shown = await database.read(plan)

    assert shown.count("USING INTEGER PRIMARY KEY") == 2
