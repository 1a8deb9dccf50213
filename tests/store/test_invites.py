"""Invitations on disk."""

import pytest

from app.domain.ids import Millis, RoomId, UserId
from app.store import invites
from app.store.database import Database, DbConnection
from app.store.invites import Invite
from tests.store.log_env import GENERAL, insert_user

NOW = Millis(1_795_000_000_000)
LATER = Millis(NOW + 1_000)


@pytest.fixture
async def ana(database: Database) -> UserId:
    return await database.write(lambda c: insert_user(c, "ana"))


def make(connection: DbConnection, by: UserId, code: bytes = b"1", **terms: int) -> Invite:
    given = {"expires_at": None, "max_uses": None, **terms}
    return invites.insert(connection, GENERAL, code_hash=code, by=by, at=NOW, **given)


async def test_an_invitation_is_found_by_its_code_without_it(
    database: Database, ana: UserId
) -> None:
    made = await database.write(lambda c: make(c, ana, b"one", expires_at=LATER, max_uses=3))

    assert made == Invite(made.id, GENERAL, "ana", NOW, LATER, 3, 0)
    assert await database.read(lambda c: invites.by_code(c, b"one", NOW)) == made
    assert await database.read(lambda c: invites.by_code(c, b"two", NOW)) is None


async def test_it_expires(database: Database, ana: UserId) -> None:
    made = await database.write(lambda c: make(c, ana, expires_at=LATER))

    assert await database.write(lambda c: invites.use(c, made.id, Millis(LATER - 1)))
    assert not await database.write(lambda c: invites.use(c, made.id, LATER))
    assert await database.read(lambda c: invites.by_code(c, b"1", LATER)) is None


async def test_uses_are_counted_to_the_last(database: Database, ana: UserId) -> None:
    made = await database.write(lambda c: make(c, ana, max_uses=2))

    used = [await database.write(lambda c: invites.use(c, made.id, NOW)) for _ in range(3)]

    assert used == [True, True, False]
    assert await database.read(lambda c: invites.by_code(c, b"1", NOW)) is None


async def test_it_can_only_be_revoked_in_its_own_room(database: Database, ana: UserId) -> None:
    made = await database.write(lambda c: make(c, ana))

    await database.write(lambda c: invites.revoke(c, RoomId(2), made.id, NOW))
    assert await database.read(lambda c: invites.by_code(c, b"1", NOW)) == made
    await database.write(lambda c: invites.revoke(c, GENERAL, made.id, NOW))

    assert await database.read(lambda c: invites.by_code(c, b"1", NOW)) is None
    assert not await database.write(lambda c: invites.use(c, made.id, NOW))


async def test_a_page_holds_those_that_can_be_used(database: Database, ana: UserId) -> None:
    def work(connection: DbConnection) -> list[int]:
        made = [make(connection, ana, bytes([number])) for number in range(4)]
        make(connection, ana, b"over", expires_at=NOW)
        invites.revoke(connection, GENERAL, made[1].id, NOW)
        return [invite.id for invite in made]

    first, _, third, fourth = await database.write(work)

    def ids(connection: DbConnection, before: int | None = None, limit: int = 9) -> list[int]:
        page = invites.page(connection, GENERAL, at=NOW, before=before, limit=limit)
        return [invite.id for invite in page]

    assert await database.read(ids) == [fourth, third, first]
    assert await database.read(lambda c: ids(c, limit=2)) == [fourth, third]
    assert await database.read(lambda c: ids(c, before=third)) == [first]
    other = await database.read(lambda c: invites.page(c, RoomId(2), at=NOW, before=None, limit=9))
    assert other == []
