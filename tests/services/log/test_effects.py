"""What a transaction has done is announced after its commit, whoever waits for it."""

import asyncio
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from app.domain.errors import Conflict
from app.domain.ids import SessionId, UserId
from app.domain.sessions import SessionsRevoked
from app.services.log.seams import Seams
from app.services.log.transactions import Effects, Transactions
from app.store.database import Database

PHONE, LAPTOP = (SessionsRevoked(UserId(1), SessionId(session)) for session in (1, 2))


class Listener:
    """Transactions, and what they announced."""

    def __init__(self, database: Database) -> None:
        self.seams = Seams()
        self.transactions = Transactions(database, self.seams)
        self.revoked: list[SessionsRevoked] = []


@pytest.fixture
def listener(database: Database) -> Iterator[Listener]:
    listener = Listener(database)
    with listener.seams.on_sessions_revoked.connected(listener.revoked.append):
        yield listener


def ends_both(_connection: Connection) -> tuple[str, Effects]:
    return "done", Effects(sessions_revoked=[PHONE, LAPTOP])


async def test_ended_sessions_are_announced_after_the_commit(listener: Listener) -> None:
    assert await listener.transactions.write(ends_both) == "done"

    assert listener.revoked == [PHONE, LAPTOP]


async def test_what_was_rolled_back_is_not_announced(listener: Listener) -> None:
    def fails(_connection: Connection) -> tuple[None, Effects]:
        raise Conflict

    with pytest.raises(Conflict):
        await listener.transactions.write(fails)

    assert listener.revoked == []


async def test_a_cancelled_caller_changes_nothing(listener: Listener, database: Database) -> None:
    request = asyncio.create_task(listener.transactions.using(database).write(ends_both))
    await asyncio.sleep(0)

    request.cancel()
    await asyncio.gather(request, return_exceptions=True)
    await listener.transactions.close()

    assert request.cancelled()
    assert listener.revoked == [PHONE, LAPTOP]
