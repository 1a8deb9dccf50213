"""What has begun to end is ended."""

import asyncio

import pytest
from sqlalchemy import Connection

from app.domain.errors import Conflict
from app.domain.ids import SessionId, UserId
from app.services.accounts.session_revoker import Ended, SessionRevoker
from app.store.database import Database

ALICE, PHONE, LAPTOP = UserId(1), SessionId(1), SessionId(2)


class Sockets:
    """Notes who was cut off."""

    def __init__(self) -> None:
        self.cut: list[tuple[UserId, SessionId | None]] = []

    def __call__(self, user: UserId, session: SessionId | None) -> None:
        self.cut.append((user, session))


def ends_both(_connection: Connection) -> tuple[str, Ended]:
    return "done", [(ALICE, PHONE), (ALICE, LAPTOP)]


async def test_sockets_are_told_after_the_commit(database: Database) -> None:
    sockets = Sockets()

    assert await SessionRevoker(database, sockets).write(ends_both) == "done"

    assert sockets.cut == [(ALICE, PHONE), (ALICE, LAPTOP)]


async def test_what_was_rolled_back_is_not_told(database: Database) -> None:
    sockets = Sockets()

    def fails(_connection: Connection) -> tuple[None, Ended]:
        raise Conflict

    with pytest.raises(Conflict):
        await SessionRevoker(database, sockets).write(fails)

    assert sockets.cut == []


async def test_whoever_hangs_up_is_cut_off_all_the_same(database: Database) -> None:
    sockets = Sockets()
    session_revoker = SessionRevoker(database, sockets)
    request = asyncio.create_task(session_revoker.write(ends_both))
    await asyncio.sleep(0)

    request.cancel()
    await asyncio.gather(request, return_exceptions=True)
    await session_revoker.close()

    assert request.cancelled()
    assert sockets.cut == [(ALICE, PHONE), (ALICE, LAPTOP)]
