"""Pages that are kept are what would be read."""

import asyncio
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

AuditRecord = Callable[[Server], Awaitable[object]]


async def page(server: Server, who: str = "ana", limit: int = 50, **where: int) -> bytes:
    """A page of the den, as the server answers it."""
    person = await server.person(who)
    return await server.runtime.messages.message_pages.get(
        person.user, "den", limit=limit, **where
    )


async def read_anew(server: Server) -> bytes:
    """The newest page as it is read by somebody who has kept nothing."""
    runtime = server.runtime
    pages = MessagePages(runtime.database, directory=runtime.rooms.directory, now=server.clock)
    return await pages.get((await server.person("ana")).user, "den", limit=50)


@pytest.fixture
async def den(server: Server) -> Server:
    """A public room. Its messages are 4 to 6; bo has put an emoji on the first and is named in
    the last."""
    await server.room("den", members=["bo", "cy"])
    for text in ("one", "two", "three @bo"):
        await server.append(Send, "den", by="ana", text=text, mentions=["bo"])
    await server.append(React, "den", by="bo", ref=5, emoji="👍", on=True)
    return server


async def test_a_page_is_read_once_while_its_room_stands_still(den: Server) -> None:
    first = await page(den)

    assert (await page(den) is first) is (not den.database.shared)
    assert await page(den, "bo") == first == await read_anew(den)
    assert await page(den, limit=2) != first


ACTS: dict[str, AuditRecord] = {
    "send": lambda den: den.append(Send, "den", by="bo", text="four"),
    "reply": lambda den: den.append(Send, "den", by="bo", text="to one", reply_to=5),
    "edit": lambda den: den.append(Edit, "den", by="ana", ref=5, text="won"),
    "delete": lambda den: den.append(Delete, "den", by="ana", ref=5),
    "react": lambda den: den.append(React, "den", by="cy", ref=5, emoji="👍", on=True),
    "unreact": lambda den: den.append(React, "den", by="bo", ref=5, emoji="👍", on=False),
    "pin": lambda den: den.append(Pin, "den", by="ana", ref=6, on=True),
    "erase": lambda den: _leaves_and_is_erased(den, "bo"),
    "leave": lambda den: _leaves(den, "cy"),
    "forget": lambda den: _forgets(den),
}


@pytest.mark.parametrize("act", ACTS)
async def test_whatever_changes_a_page_shows_in_the_next(den: Server, act: str) -> None:
    before = await page(den)

    await ACTS[act](den)

    after = await page(den)
    assert after != before
    assert after == await read_anew(den) == await page(den)


async def test_who_lost_access_gets_no_kept_page(den: Server) -> None:
    await page(den, "cy")
    await page(den, "bo")

    cy = (await den.person("cy")).user
    await den.append(Ban, "den", by="ana", user=cy, on=True)

    with pytest.raises(Banned):
        await page(den, "cy")
    assert await page(den, "bo")


async def test_a_private_rooms_page_is_kept_for_its_members_only(server: Server) -> None:
    await server.room("den", kind=Kind.PRIVATE)
    await page(server)

    with pytest.raises(RoomNotFound):
        await page(server, "eve")


@pytest.mark.limits(messages={"kept_pages_bytes": 2_000, "kept_page_bytes": 600})
async def test_what_is_kept_is_bounded(den: Server) -> None:
    assert len(await page(den, limit=1)) < 600 < len(await page(den, limit=50))
    pages = den.runtime.messages.message_pages

    for before in (5, 6, 7, 6, 5, 7):
        await page(den, limit=1, before=before)
        await page(den, limit=50)

    assert pages._kept_bytes == sum(kept.size for kept in pages._kept.values()) <= 2_000
    assert all(len(kept.body) <= 600 for kept in pages._kept.values())


@pytest.mark.limits(messages={"kept_pages_bytes": 4 * KEPT_PAGE_OVERHEAD_BYTES})
async def test_empty_pages_are_bounded_too(den: Server) -> None:
    for after in range(100, 120):
        await page(den, after=after)

    assert len(den.runtime.messages.message_pages._kept) <= 3


async def test_a_name_that_goes_while_a_page_is_read_is_not_kept(database: Database) -> None:
    gated = GatedDatabase(database)
    async with open_server(gated) as server:
        await server.room("den", members=["bo"])
        await server.append(Send, "den", by="bo", text="one")
        await page(server, limit=1)
        await gated.quiet()

        with gated.holding_what_is_read() as gate:
            asking = asyncio.create_task(page(server))
            await turns()
            await until(lambda: gate.waiting == gated.busy, "all that is read")
            server.runtime.messages.message_pages.on_names_changed(None)
        stale = await asking

        assert stale is not await page(server)


async def _leaves(den: Server, name: str) -> None:
    user = (await den.person(name)).user
    await den.append(Remove, "den", by=name, user=user)


async def _leaves_and_is_erased(den: Server, name: str) -> None:
    await _leaves(den, name)
    await page(den)
    # The den's log says nothing of this.
    await den.runtime.admin.erase_user(name, blank=False)


async def _forgets(den: Server) -> None:
    room = den.room_id("den")
    await den.database.write(lambda c: retention.set_limits(c, room, days=None, events=2))
    await den.runtime.rooms.retention.sweep()
