"""What one who joins is told, and what becomes of a replay that is overtaken."""

from typing import Any

import pytest
import sqlalchemy as sa

from app.domain.appends import Delete, Send
from app.domain.limits import MAX_TEXT_CHARACTERS, REPLAY_CHUNK_BYTES
from app.store import events as event_store
from tests.harness.databases import GatedDatabase
from tests.harness.patience import turns, until
from tests.harness.server import Server, open_server


async def test_one_who_joins_hears_who_is_here_and_the_others_that_they_came(
    server: Server,
) -> None:
    # As if the server had been up for a while: after a start, nobody is announced.
    server.runtime.realtime.presence._quiet_until = 0.0
    await server.room("den", members=["bo"])
    ana = await server.joins("ana", "den")

    bo = await server.connects("bo", "den")
    [joined, *_] = await bo.catches_up()
    presence = await ana.hears("presence")
    while presence["by"] != "bo":
        presence = await ana.hears("presence")

    assert (joined["present"], joined["present_count"]) == (["ana", "bo"], 2)
    assert (presence["room"], presence["online"]) == ("den", True)


@pytest.mark.parametrize("since", [None, 0], ids=["newest", "log"])
async def test_the_end_of_a_replay_names_the_join_that_it_is_of(
    server: Server, since: int | None
) -> None:
    line = await server.connects("ana")
    fields = {} if since is None else {"since": since}

    asked = await line.sends("join", room="general", **fields)
    await line.hears("welcome")
    await line.answer(asked)
    while (frame := await line.hears())["type"] != "caught_up":
        pass

    assert frame["re"] == asked


async def test_one_who_leaves_before_they_are_in_is_told_why_the_join_failed(
    gated: GatedDatabase,
) -> None:
    async with open_server(gated) as server:
        await server.room("den")
        ana = await server.connects("ana")
        await ana.hears("welcome")
        await gated.quiet()

        with gated.holding_reads() as gate:
            joining = await ana.sends("join", room="den")
            await ana.sends("leave", room="den")
            await until(lambda: gate.waiting, "the check")
            await turns()

        refused = await ana.answer(joining)
        assert (refused["type"], refused["code"]) == ("error", "conflict")
        assert "left" in refused["detail"]


async def test_a_replay_that_retention_overtakes_is_reset_to_what_is_left(
    gated: GatedDatabase,
) -> None:
    async with open_server(gated) as server:
        await server.room("den")
        for text in ("one", "two", "three"):
            await server.append(Send, "den", by="ana", text=text)
        await server.joins("ana", "den")
        ana = await server.connects("ana")
        await ana.hears("welcome")
        await gated.quiet()

        # The check has been made; the first page of the replay is what waits.
        with gated.holding_reads(but=1) as gate:
            asked = await ana.sends("join", room="den", since=0)
            await until(lambda: gate.waiting, "the page")
            await server.append(Send, "den", by="ana", text="four")
            await keeps_from(gated, server.room_id("den"), 4)

        assert (await ana.answer(asked))["type"] == "joined"
        reset = await ana.hears("reset")
        assert (reset["re"], reset["reason"]) == (asked, "gone")
        assert (reset["room"], reset["head"], reset["first"]) == ("den", 5, 4)
        await server.append(Send, "den", by="ana", text="five")
        await ana.nothing_more()


async def keeps_from(gated: GatedDatabase, room: int, first: int) -> None:
    """Have retention remove what is older."""

    def remove(connection: Any) -> None:
        what = {"room": room, "first": first}
        connection.execute(
            sa.text("DELETE FROM events WHERE room_id = :room AND id & 4294967295 < :first"), what
        )
        connection.execute(sa.text("UPDATE rooms SET first = :first WHERE id = :room"), what)

    await gated._database.write(remove)


async def test_what_is_deleted_while_a_page_is_written_is_not_in_the_rest_of_it(
    gated: GatedDatabase,
) -> None:
    # The page goes out in several pieces, with a turn of the loop after each.
    count = 4 * REPLAY_CHUNK_BYTES // MAX_TEXT_CHARACTERS
    async with open_server(gated) as server, open_server(gated._database) as elsewhere:
        elsewhere.shares_people_with(server)
        await server.room("den")
        for _ in range(count):
            await server.append(Send, "den", by="ana", text="x" * MAX_TEXT_CHARACTERS)
        secret = (await server.append(Send, "den", by="ana", text="a secret")).seq
        assert secret is not None
        line = await server.connects("ana")
        await line.hears("welcome")
        # The room is warm, so that the feed takes the deletion.
        await server.joins("ana", "den", limit=1)
        room, reads = server.room_id("den"), gated.reads

        # The check, and then the page, which still has what another node deletes.
        with gated.holding_read_results(but=1) as gate:
            asked = await line.sends("join", room="den", limit=count)
            await until(lambda: gate.waiting, "the page")
            await elsewhere.append(Delete, "den", by="ana", ref=secret)
            deletion = await gated._database.read(
                lambda c: event_store.batch_after(c, room, secret, upto=secret + 1, limit=1)
            )
            assert deletion is not None
        while line.socket._from_app.empty():
            await turns(1)
        server.runtime.realtime.feed.on_committed([deletion])

        await line.answer(asked)
        await line.catches_up()
        assert line.texts == ["x" * MAX_TEXT_CHARACTERS] * (count - 1) + [None]
        assert line.sequence.cursors["den"] == secret + 1
        assert gated.reads == reads + 3
