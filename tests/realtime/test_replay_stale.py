"""Replays of a log that changes meanwhile: deletions, edits, retention."""

from typing import Any

import pytest
import sqlalchemy as sa

from app.domain.appends import Delete, Send
from app.domain.connection_limits import REPLAY_CHUNK_BYTES
from app.domain.limits import MAX_TEXT_CHARACTERS
from app.store import events as event_store
from app.store.database import Database
from tests.harness.databases import GatedDatabase
from tests.harness.patience import turns, until
from tests.harness.server import Server, open_server


async def send(server: Server, text: str) -> int:
    """Send a message as ana; its seq."""
    return (await server.append(Send, "den", by="ana", text=text)).seq or 0


async def trim(gated: GatedDatabase, room: int, first: int) -> None:
    """Remove the events before ``first``, as retention does."""

    def remove(connection: Any) -> None:
        values = {"room": room, "first": first}
        connection.execute(
            sa.text("DELETE FROM events WHERE room_id = :room AND id & 4294967295 < :first"),
            values,
        )
        connection.execute(sa.text("UPDATE rooms SET first = :first WHERE id = :room"), values)

    await gated._database.write(remove)


async def test_deleted_text_is_in_no_replay(server: Server, database: Database) -> None:
    ana = await server.joins("ana", "general")
    said = (await ana.ask("send", text="a secret"))["seq"]
    await ana.ask("edit", ref=said, text="another secret")
    kept = (await ana.ask("send", text="kept"))["seq"]
    await ana.ask("edit", ref=kept, text="kept, and better")
    await ana.ask("delete", ref=said)

    from_memory = await server.joins("bo", "general", since=0)
    newest = await server.joins("bo", "general")
    async with open_server(database) as restarted:
        restarted.shares_people_with(server)
        from_disk = await restarted.joins("bo", "general", since=0)

    assert from_memory.events == from_disk.events
    for client in (from_memory, newest, from_disk):
        assert "secret" not in str(client.heard)
        assert client.texts[-1] == "kept, and better"


@pytest.mark.parametrize("since", [None, 0], ids=["newest", "log"])
async def test_a_page_that_is_stale_when_it_has_been_read_is_read_again(
    gated: GatedDatabase, since: int | None
) -> None:
    async with open_server(gated) as server:
        await server.room("den")
        secret = await send(server, "a secret")
        client = await server.connects("ana")
        await client.hears("welcome")
        await gated.quiet()
        fields = {} if since is None else {"since": since}

        # The check, and then the page.
        with gated.holding_read_results(but=1) as gate:
            asked = await client.sends("join", room="den", **fields)
            await until(lambda: gate.waiting, "the page")
            await server.append(Delete, "den", by="ana", ref=secret)

        await client.answer(asked)
        heard = await client.catches_up()
        assert client.texts == [None]
        assert client.sequence.cursors["den"] == secret + 1, heard


async def test_text_deleted_while_a_page_is_written_is_not_in_the_rest(
    gated: GatedDatabase,
) -> None:
    # The page is written in several chunks, a turn of the loop apart.
    count = 4 * REPLAY_CHUNK_BYTES // MAX_TEXT_CHARACTERS
    async with open_server(gated) as server, open_server(gated._database) as elsewhere:
        elsewhere.shares_people_with(server)
        await server.room("den")
        for _ in range(count):
            await server.append(Send, "den", by="ana", text="x" * MAX_TEXT_CHARACTERS)
        secret = (await server.append(Send, "den", by="ana", text="a secret")).seq
        assert secret is not None
        client = await server.connects("ana")
        await client.hears("welcome")
        # The room has a feed, which delivers the deletion.
        await server.joins("ana", "den", limit=1)
        room, reads = server.room_id("den"), gated.reads

        # The check passes. The page still has what another node deletes meanwhile.
        with gated.holding_read_results(but=1) as gate:
            asked = await client.sends("join", room="den", limit=count)
            await until(lambda: gate.waiting, "the page")
            await elsewhere.append(Delete, "den", by="ana", ref=secret)
            deletion = await gated._database.read(
                lambda c: event_store.batch_after(c, room, secret, upto=secret + 1, limit=1)
            )
            assert deletion is not None
        while client.socket._from_app.empty():
            await turns(1)
        server.runtime.realtime.feed.on_committed([deletion])

        await client.answer(asked)
        await client.catches_up()
        assert client.texts == ["x" * MAX_TEXT_CHARACTERS] * (count - 1) + [None]
        assert client.sequence.cursors["den"] == secret + 1
        assert gated.reads == reads + 3


async def test_a_replay_that_retention_overtakes_is_reset(
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

        # The check passes, and the first page of the replay waits.
        with gated.holding_reads(but=1) as gate:
            asked = await ana.sends("join", room="den", since=0)
            await until(lambda: gate.waiting, "the page")
            await server.append(Send, "den", by="ana", text="four")
            await trim(gated, server.room_id("den"), 4)

        assert (await ana.answer(asked))["type"] == "joined"
        reset = await ana.hears("reset")
        assert (reset["re"], reset["reason"]) == (asked, "gone")
        assert (reset["room"], reset["head"], reset["first"]) == ("den", 5, 4)
        await server.append(Send, "den", by="ana", text="five")
        await ana.nothing_more()
