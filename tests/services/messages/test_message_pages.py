"""Kept pages equal the pages that would be read."""

import asyncio
import tracemalloc
from collections.abc import Awaitable, Callable

import pytest

from app.domain.appends import Ban, Delete, Edit, Pin, React, Remove, Send
from app.domain.errors import Banned, RoomNotFound
from app.domain.limits import KEPT_PAGE_OVERHEAD_BYTES
from app.domain.roles import Kind
from app.services.messages.message_pages import MessagePages
from app.store import retention
from app.store.database import Database
from tests.harness.databases import GatedDatabase
from tests.harness.patience import turns, until
from tests.harness.server import Server, open_server

Change = Callable[[Server], Awaitable[object]]


async def page(server: Server, name: str = "ana", limit: int = 50, **where: int) -> bytes:
    """A page of the den from the server."""
    person = await server.person(name)
    return await server.runtime.messages.message_pages.get(
        person.user, "den", limit=limit, **where
    )


async def read_uncached(server: Server) -> bytes:
    """The newest page, read without kept pages."""
    runtime = server.runtime
    pages = MessagePages(
        runtime.database,
        directory=runtime.rooms.directory,
        epoch=runtime.log.epoch,
        now=server.clock,
    )
    return await pages.get((await server.person("ana")).user, "den", limit=50)


@pytest.fixture
async def den(server: Server) -> Server:
    """A server with a public room of three messages. The second, 5, has a reaction."""
    await server.room("den", members=["bo", "cy"])
    for text in ("one", "two", "three @bo"):
        await server.append(Send, "den", by="ana", text=text, mentions=["bo"])
    await server.append(React, "den", by="bo", ref=5, emoji="👍", on=True)
    return server


async def test_a_page_is_kept_while_its_room_does_not_change(den: Server) -> None:
    first = await page(den)

    assert (await page(den) is first) is (not den.database.shared)
    assert await page(den, "bo") == first == await read_uncached(den)
    assert await page(den, limit=2) != first


async def test_a_kept_page_takes_no_more_memory_than_is_counted(den: Server) -> None:
    await page(den)
    tracemalloc.start()
    try:
        kept = [await page(den, limit=limit) for limit in range(101, 121)]
        pages = tracemalloc.Filter(True, "*/wire/*")
        snapshot = tracemalloc.take_snapshot().filter_traces([pages])
    finally:
        tracemalloc.stop()

    taken = sum(statistic.size for statistic in snapshot.statistics("filename"))
    assert taken < sum(len(body) + KEPT_PAGE_OVERHEAD_BYTES for body in kept)


CHANGES: dict[str, Change] = {
    "send": lambda den: den.append(Send, "den", by="bo", text="four"),
    "reply": lambda den: den.append(Send, "den", by="bo", text="to one", reply_to=5),
    "edit": lambda den: den.append(Edit, "den", by="ana", ref=5, text="won"),
    "delete": lambda den: den.append(Delete, "den", by="ana", ref=5),
    "react": lambda den: den.append(React, "den", by="cy", ref=5, emoji="👍", on=True),
    "unreact": lambda den: den.append(React, "den", by="bo", ref=5, emoji="👍", on=False),
    "pin": lambda den: den.append(Pin, "den", by="ana", ref=6, on=True),
    "erase": lambda den: _leave_and_erase(den, "bo"),
    "leave": lambda den: _leave(den, "cy"),
    "trim": lambda den: _trim(den),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_every_change_appears_in_the_next_page(den: Server, change: str) -> None:
    before = await page(den)

    await CHANGES[change](den)

    after = await page(den)
    assert after != before
    assert after == await read_uncached(den) == await page(den)


async def test_a_banned_user_gets_no_kept_page(den: Server) -> None:
    await page(den, "cy")
    await page(den, "bo")

    cy = (await den.person("cy")).user
    await den.append(Ban, "den", by="ana", user=cy, on=True)

    with pytest.raises(Banned):
        await page(den, "cy")
    assert await page(den, "bo")


async def test_a_kept_page_of_a_private_room_is_for_its_members_only(server: Server) -> None:
    await server.room("den", kind=Kind.PRIVATE)
    await page(server)

    with pytest.raises(RoomNotFound):
        await page(server, "eve")


@pytest.mark.limits(messages={"kept_pages_bytes": 2_000, "kept_page_bytes": 600})
async def test_kept_pages_are_bounded(den: Server) -> None:
    assert len(await page(den, limit=1)) < 600 < len(await page(den, limit=50))
    pages = den.runtime.messages.message_pages

    for before in (5, 6, 7, 6, 5, 7):
        await page(den, limit=1, before=before)
        await page(den, limit=50)

    assert pages._kept_bytes == sum(kept.size for kept in pages._kept.values()) <= 2_000
    assert all(len(kept.body) <= 600 for kept in pages._kept.values())


@pytest.mark.limits(messages={"kept_pages_bytes": 4 * KEPT_PAGE_OVERHEAD_BYTES})
async def test_kept_empty_pages_are_bounded_too(den: Server) -> None:
    for after in range(100, 120):
        await page(den, after=after)

    assert len(den.runtime.messages.message_pages._kept) <= 3


async def test_a_page_read_during_a_change_of_names_is_not_kept(database: Database) -> None:
    gated = GatedDatabase(database)
    async with open_server(gated) as server:
        await server.room("den", members=["bo"])
        await server.append(Send, "den", by="bo", text="one")
        await page(server, limit=1)
        await gated.quiet()

        with gated.holding_read_results() as gate:
            reading = asyncio.create_task(page(server))
            await turns()
            await until(lambda: gate.waiting == gated.busy, "the reads to be held")
            server.runtime.messages.message_pages.on_names_changed(None)
        stale = await reading

        assert stale is not await page(server)


async def _leave(den: Server, name: str) -> None:
    user = (await den.person(name)).user
    await den.append(Remove, "den", by=name, user=user)


async def _leave_and_erase(den: Server, name: str) -> None:
    await _leave(den, name)
    await page(den)
    # The erasure appends no event to the den.
    await den.runtime.admin.erase_user(name, blank=False)


async def _trim(den: Server) -> None:
    room = den.room_id("den")
    await den.database.write(lambda c: retention.set_limits(c, room, days=None, events=2))
    await den.runtime.rooms.retention.sweep()
