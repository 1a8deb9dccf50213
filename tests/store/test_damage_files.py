"""Files damaged in many ways: what is shown is what was written, or nothing is."""

import random
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.config.database_url import DatabaseUrl
from app.domain.appends import Delete, Edit, Pin, React
from app.domain.errors import Unavailable
from app.domain.ids import RoomId
from app.domain.views import MessagePage, MessageView
from app.store import edit_history, events, messages
from app.store.database import Database, DbConnection
from app.store.errors import StoreError
from app.store.opening import open_database
from app.store.sqlite import SqliteDatabase
from tests.store.log_env import GENERAL, LogEnv

pytestmark = [pytest.mark.sqlite_only, pytest.mark.slow]

PAGE = 4_096
SECTOR = 512
MESSAGES = 300


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("damage")


@pytest.fixture
async def whole(folder: Path) -> Path:
    """A database with a few hundred messages, closed cleanly. Made once."""
    path = folder / "whole.db"
    if path.exists():
        return path
    rng = random.Random(1)
    where = DatabaseUrl.file(path)
    async with open_database(where.kind, where.url, path, migrate=True) as database:
        env = LogEnv(database)
        await env.add_users("ana", "bo")
        await env.join("ana", "bo")
        other = await env.create_room("other")
        for number in range(MESSAGES):
            room = rng.choice([GENERAL, other])
            text = f"message {number} " + "words " * rng.randrange(20)
            seq = await env.send("ana", text, room, client_id=str(number))
            if number % 7 == 0:
                await env.append(Edit, "ana", room, ref=seq, text=f"edited {number}")
            if number % 11 == 0:
                await env.append(React, "ana", room, ref=seq, emoji="👍", on=True)
            if number % 13 == 0:
                await env.append(Pin, "ana", room, ref=seq, on=True)
            if number % 17 == 0:
                await env.append(Delete, "ana", room, ref=seq)
    return path


def truncated(content: bytearray, rng: random.Random) -> None:
    del content[rng.randrange(PAGE, len(content)) :]


def torn(content: bytearray, rng: random.Random) -> None:
    """Some sectors of a page are those of another one."""
    page, other = (rng.randrange(1, len(content) // PAGE) * PAGE for _ in "ab")
    for sector in range(rng.randrange(1, PAGE // SECTOR)):
        at = sector * SECTOR
        content[page + at : page + at + SECTOR] = content[other + at : other + at + SECTOR]


def zeroed(content: bytearray, rng: random.Random) -> None:
    page = rng.randrange(1, len(content) // PAGE) * PAGE
    content[page : page + PAGE] = bytes(PAGE)


def flipped(content: bytearray, rng: random.Random) -> None:
    for _ in range(rng.choice([1, 1, 1, 8])):
        content[rng.randrange(100, len(content))] ^= 1 << rng.randrange(8)


def swapped(content: bytearray, rng: random.Random) -> None:
    one, other = (rng.randrange(1, len(content) // PAGE) * PAGE for _ in "ab")
    one_page = content[one : one + PAGE]
    content[one : one + PAGE] = content[other : other + PAGE]
    content[other : other + PAGE] = one_page


def everything(connection: DbConnection) -> Iterator[tuple[Any, Callable[[], object]]]:
    """Everything that is shown of two rooms, page by page."""
    for room in (GENERAL, RoomId(2)):
        yield (room, "head"), lambda r=room: events.head(connection, r)
        for seq in range(0, 260, 20):
            yield (
                (room, "log", seq),
                lambda r=room, s=seq: events.after(
                    connection, r, s, upto=max(s, events.head(connection, r)), limit=20
                ),
            )
            for page in (messages.after, messages.before, messages.around):
                yield (
                    (room, page.__name__, seq),
                    lambda r=room, s=seq, p=page: p(connection, r, s, 20),
                )
            yield (
                (room, "edits", seq),
                lambda r=room, s=seq: edit_history.wordings(
                    connection, r, s + 1, after=0, limit=9
                ),
            )
        yield (room, "newest"), lambda r=room: messages.before(connection, r, None, 50)
        yield (room, "pinned"), lambda r=room: messages.pinned(connection, r, None, 50)


async def shown(database: Database) -> dict[Any, object]:
    """What each page shows; pages that are unavailable are left out."""
    found: dict[Any, object] = {}
    keys = await database.read(lambda c: [key for key, _ in everything(c)])
    for number, key in enumerate(keys):

        def read(connection: DbConnection, number: int = number) -> object:
            return list(everything(connection))[number][1]()

        try:
            found[key] = await database.read(read)
        except Unavailable:
            continue
    return found


def spoil(
    whole: Path, path: Path, damage: Callable[[bytearray, random.Random], None], seed: int
) -> None:
    content = bytearray(whole.read_bytes())
    damage(content, random.Random(seed))
    path.write_bytes(content)


def without_derived(view: MessageView) -> MessageView:
    """The message without its pin, reactions, mentions and counts of replies."""
    return replace(view, pinned=False, reactions={}, mentions=[], reply_count=0, last_reply=None)


def messages_of(truth: dict[Any, object]) -> dict[tuple[RoomId, int], MessageView]:
    """Every message, by its room and number."""
    return {
        (view.room, view.seq): without_derived(view)
        for page in truth.values()
        if isinstance(page, MessagePage)
        for view in page.messages
    }


DAMAGES = (truncated, torn, zeroed, flipped, swapped)


@pytest.fixture
async def truth(whole: Path) -> AsyncIterator[dict[Any, object]]:
    database = SqliteDatabase(whole)
    yield await shown(database)
    await database.close()


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_server_that_starts_on_a_damaged_file_shows_nothing_altered(
    whole: Path, truth: dict[Any, object], tmp_path: Path, damage: Any
) -> None:
    refused = 0
    for seed in range(30):
        path = tmp_path / f"{seed}.db"
        spoil(whole, path, damage, seed)
        where = DatabaseUrl.file(path)
        try:
            async with open_database(
                where.kind,
                where.url,
                path,
                address="http://here",
                migrate=False,
                wait=0,
                check_seconds=30,
            ) as database:
                for key, page in (await shown(database)).items():
                    assert page == truth[key], (seed, key)
        except StoreError:
            refused += 1
    assert refused or damage is flipped


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_file_that_is_damaged_while_it_is_read_shows_no_altered_message(
    whole: Path, truth: dict[Any, object], tmp_path: Path, damage: Any
) -> None:
    known = messages_of(truth)
    for seed in range(100, 130):
        path = tmp_path / f"{seed}.db"
        shutil.copyfile(whole, path)
        database = SqliteDatabase(path)
        spoil(whole, path, damage, seed)
        try:
            for key, page in (await shown(database)).items():
                if not isinstance(page, MessagePage):
                    assert page == truth[key], (seed, key)
                    continue
                # Each message has a checksum. Which messages there are, and what is derived from
                # the log, is checked as a whole when a server starts.
                for view in page.messages:
                    assert without_derived(view) == known[(view.room, view.seq)], (seed, key)
        finally:
            await database.close()
