"""Transactions whose effects are announced after the commit."""

import asyncio
from collections.abc import Iterator

import pytest

from app.domain.appends import Join, Send
from app.domain.errors import Conflict, Forbidden, InviteNotFound, Unavailable
from app.domain.ids import SessionId, UserId
from app.domain.roles import Kind
from app.domain.sessions import SessionsRevoked
from app.services.log.seams import Seams
from app.services.log.transactions import Effects, Transactions, append_all
from app.store import invites
from app.store.database import Database, DbConnection
from tests.harness.databases import GatedDatabase
from tests.harness.patience import turns, until
from tests.harness.server import Server, open_server

PHONE, LAPTOP = (SessionsRevoked(UserId(1), SessionId(session)) for session in (1, 2))


# Announcements


class TransactionsEnv:
    """Transactions on a database, and the log-ins that they announced as ended."""

    def __init__(self, database: Database) -> None:
        self.seams = Seams()
        self.transactions = Transactions(database, self.seams)
        self.revoked: list[SessionsRevoked] = []


@pytest.fixture
def env(database: Database) -> Iterator[TransactionsEnv]:
    env = TransactionsEnv(database)
    with env.seams.on_sessions_revoked.connected(env.revoked.append):
        yield env


def revoke_both(_connection: DbConnection) -> tuple[str, Effects]:
    return "done", Effects(sessions_revoked=[PHONE, LAPTOP])


async def test_ended_log_ins_are_announced_after_the_commit(env: TransactionsEnv) -> None:
    assert await env.transactions.write(revoke_both) == "done"

    assert env.revoked == [PHONE, LAPTOP]


async def test_a_transaction_that_is_rolled_back_announces_nothing(env: TransactionsEnv) -> None:
    def fail(_connection: DbConnection) -> tuple[None, Effects]:
        raise Conflict

    with pytest.raises(Conflict):
        await env.transactions.write(fail)

    assert env.revoked == []


async def test_a_cancelled_caller_does_not_stop_a_transaction(
    env: TransactionsEnv, database: Database
) -> None:
    calling = asyncio.create_task(env.transactions.using(database).write(revoke_both))
    await asyncio.sleep(0)

    calling.cancel()
    await asyncio.gather(calling, return_exceptions=True)
    await env.transactions.close()

    assert calling.cancelled()
    assert env.revoked == [PHONE, LAPTOP]


# Appends


def join(server: Server, user: UserId) -> Join:
    return Join(room=server.room_id("den"), by=user, at=server.clock())


async def head(server: Server) -> int:
    ana = await server.person("ana")
    found: int = (await ana.http.get("/rooms/den")).json()["head"]
    return found


async def test_committed_events_are_announced_though_the_caller_is_cancelled(
    server: Server, gated: GatedDatabase
) -> None:
    await server.room("den")
    eve, ana = await server.person("eve"), await server.joins("ana", "den")
    transactions = Transactions(gated, server.runtime.log.seams)
    append = join(server, eve.user)

    with gated.holding_writes() as gate:
        calling = asyncio.create_task(
            transactions.write(lambda c: (None, Effects(append_all(c, [append]).event_batches)))
        )
        await until(lambda: gate.waiting, "the write")
        calling.cancel()
        await turns()
        assert calling.cancelled()
    await transactions.close()

    assert (await ana.hears("member.joined"))["user"] == "eve"


async def test_if_one_append_is_refused_none_is_written(server: Server) -> None:
    await server.room("den")
    eve, max_ = await server.person("eve"), await server.person("max")
    appends = [
        join(server, eve.user),
        Send(room=server.room_id("den"), by=max_.user, at=server.clock(), text="hi"),
    ]

    with pytest.raises(Forbidden):
        await server.runtime.log.transactions.write(
            lambda c: (None, Effects(append_all(c, appends).event_batches))
        )

    assert await head(server) == 1


async def test_an_error_after_the_appends_rolls_them_back(server: Server) -> None:
    await server.room("den")
    eve = await server.person("eve")
    append = join(server, eve.user)

    def work(connection: DbConnection) -> tuple[None, Effects]:
        appended = append_all(connection, [append])
        assert [committed.seq for committed in appended.done] == [2]
        raise InviteNotFound

    with pytest.raises(InviteNotFound):
        await server.runtime.log.transactions.write(work)

    assert await head(server) == 1


async def test_an_invitation_is_not_used_up_by_a_failed_transaction(gated: GatedDatabase) -> None:
    async with open_server(gated) as server:
        await server.room("den", kind=Kind.PRIVATE)
        ana, eve = await server.person("ana"), await server.person("eve")
        invite, code = await server.runtime.rooms.invites.create(ana.user, "den", max_uses=1)
        await gated.quiet()

        with gated.holding_writes() as gate:
            accepting = asyncio.create_task(server.runtime.rooms.invites.accept(eve.user, code))
            await until(lambda: gate.waiting, "the transaction")
            gated.fails_with = Unavailable()
        with pytest.raises(Unavailable):
            await accepting
        gated.fails_with = None
        view = await server.runtime.rooms.invites.accept(eve.user, code)

        assert view.role is not None
        now = server.clock()
        left = await server.database.read(
            lambda c: invites.page(c, invite.room, at=now, before=None, limit=9)
        )
        assert left == []
