"""Appends that share a transaction with something else."""

import asyncio

import pytest

from app.domain.appends import Join, Send
from app.domain.errors import Forbidden, InviteNotFound, Unavailable
from app.domain.roles import Kind
from app.services.log.transactions import Effects, Transactions, append_all
from app.store import invites
from tests.harness.databases import GatedDatabase
from tests.harness.patience import turns, until
from tests.harness.server import Server


def join(server: Server, user: int) -> Join:
    return Join(room=server.room_id("den"), by=user, at=server.clock())


async def head(server: Server) -> int:
    ana = await server.person("ana")
    return (await ana.http.get("/rooms/den")).json()["head"]


async def test_what_was_committed_is_published_though_the_caller_is_gone(
    server: Server, gated: GatedDatabase
) -> None:
    await server.room("den")
    eve, ana = await server.person("eve"), await server.joins("ana", "den")
    transactions = Transactions(gated, server.runtime.log.seams)
    request = join(server, eve.user)

    with gated.holding_writes() as gate:
        calling = asyncio.create_task(
            transactions.write(lambda c: (None, Effects(append_all(c, [request]).event_batches)))
        )
        await until(lambda: gate.waiting)
        calling.cancel()
        await turns()
        assert calling.cancelled()
    await transactions.close()

    assert (await ana.hears("member.joined"))["user"] == "eve"


async def test_if_one_is_refused_none_is_carried_out(server: Server) -> None:
    await server.room("den")
    eve, max_ = await server.person("eve"), await server.person("max")
    requests = [
        join(server, eve.user),
        Send(room=server.room_id("den"), by=max_.user, at=server.clock(), text="hi"),
    ]

    with pytest.raises(Forbidden):
        await server.runtime.log.transactions.write(
            lambda c: (None, Effects(append_all(c, requests).event_batches))
        )

    assert await head(server) == 1


async def test_what_fails_after_the_appends_takes_them_back(server: Server) -> None:
    await server.room("den")
    eve = await server.person("eve")

    def work(connection):
        carried = append_all(connection, [join(server, eve.user)])
        assert [done.seq for done in carried.done] == [2]
        raise InviteNotFound

    with pytest.raises(InviteNotFound):
        await server.runtime.log.transactions.write(work)

    assert await head(server) == 1


async def test_an_invitation_is_not_used_up_where_nothing_can_be_written(
    server: Server, gated: GatedDatabase
) -> None:
    await server.room("den", kind=Kind.PRIVATE)
    ana, eve = await server.person("ana"), await server.person("eve")
    invite, code = await server.runtime.rooms.invites.create(ana.user, "den", max_uses=1)
    server.runtime.log.transactions._database = gated
    gated.fails_with = Unavailable()

    with pytest.raises(Unavailable):
        await server.runtime.rooms.invites.accept(eve.user, code)
    gated.fails_with = None
    view = await server.runtime.rooms.invites.accept(eve.user, code)

    assert view.role is not None
    left = await server.database.read(
        lambda c: invites.page(c, invite.room, at=server.clock(), before=None, limit=9)
    )
    assert left == []
