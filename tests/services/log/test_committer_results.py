"""What a batch contains besides events: names, read receipts, and log lines about failures."""

import logging
from collections.abc import AsyncIterator, Sequence

import pytest
import sqlalchemy as sa

from app.domain.appends import Append, CreateRoom, Join, Send
from app.domain.errors import Internal, Unavailable
from app.domain.events import EventBatch
from app.domain.ids import RoomId, UserId
from app.domain.roles import Kind
from app.realtime.fanout import Fanout
from app.services.log.committer import Committer
from app.services.log.read_receipt_buffer import ReadReceiptBuffer
from app.services.log.seams import Seam
from app.store.database import Database
from tests.harness.databases import GatedDatabase
from tests.harness.server import Server, open_server

GENERAL = RoomId(1)


@pytest.fixture
async def server(gated: GatedDatabase) -> AsyncIterator[Server]:
    """A server on the gated database; ana and bo are members of ``general``."""
    async with open_server(gated) as server:
        for name in ("ana", "bo"):
            await server.append(Join, "general", by=name)
        await gated.quiet()
        yield server


async def read_seq(database: Database, user: UserId) -> int:
    found: int = await database.read(
        lambda c: c.execute(
            sa.text("SELECT read_seq FROM members WHERE room_id = 1 AND user_id = :user"),
            {"user": user},
        ).scalar_one()
    )
    return found


def make_committer(
    database: Database, on_committed: Seam[Sequence[EventBatch]] | None = None
) -> Committer:
    return Committer(
        database,
        on_committed=on_committed or Seam(),
        receipts=ReadReceiptBuffer(),
        pacing=Fanout(),
    )


async def committed(database: Database, *appends: Append) -> list[EventBatch]:
    """Commit ``appends`` as one batch; return what is announced."""
    announced: list[EventBatch] = []
    on_committed: Seam[Sequence[EventBatch]] = Seam()
    committer = make_committer(database, on_committed)
    for append in appends:
        committer.submit(append, lambda _: None)
    committer.close()
    with on_committed.connected(announced.extend):
        await committer.run()
    return announced


async def test_mentioned_users_have_their_names_in_the_batch(
    server: Server, database: Database
) -> None:
    ana, bo = [(await server.person(name)).user for name in ("ana", "bo")]

    [batch] = await committed(
        database,
        Send(room=GENERAL, by=ana, at=server.clock(), text="@bo", mentions=("bo",)),
    )

    assert batch.names == {ana: "ana", bo: "bo"}


async def test_each_event_batch_names_its_room(server: Server, database: Database) -> None:
    ana, at = (await server.person("ana")).user, server.clock()

    batches = await committed(
        database,
        Send(room=GENERAL, by=ana, at=at, text="one"),
        CreateRoom(room=RoomId(0), by=ana, at=at, name="den", title="", kind=Kind.PRIVATE),
        Send(room=GENERAL, by=ana, at=at, text="two"),
    )

    assert [(batch.room_name, batch.kind, len(batch.events)) for batch in batches] == [
        ("general", Kind.PUBLIC, 2),
        ("den", Kind.PRIVATE, 1),
    ]


async def test_read_receipts_are_written_with_the_next_batch(
    server: Server, gated: GatedDatabase, database: Database
) -> None:
    bo = (await server.person("bo")).user
    assert await read_seq(database, bo) < 3
    writes = gated.batches

    server.runtime.log.receipts.move(GENERAL, bo, 3)
    await server.append(Send, "general", by="ana", text="hi")

    assert await read_seq(database, bo) == 3
    assert gated.batches == writes + 1


@pytest.mark.parametrize(
    "refused", [False, True], ids=["the database is unavailable", "a row is refused"]
)
async def test_read_receipts_survive_a_failed_batch(
    server: Server, gated: GatedDatabase, database: Database, refused: bool
) -> None:
    bo = (await server.person("bo")).user
    receipts, at = server.runtime.log.receipts, server.clock()
    # No engine stores a lone surrogate.
    text = "not for a log \ud800" if refused else "hi"

    receipts.move(GENERAL, bo, 3)
    gated.fails_with = None if refused else Unavailable()
    with pytest.raises(Internal if refused else Unavailable):
        await server.runtime.log.committer.append(Send(room=GENERAL, by=bo, at=at, text=text))
    gated.fails_with = None
    assert await read_seq(database, bo) < 3
    assert receipts.latest(GENERAL, bo).seq == 3
    await server.append(Send, "general", by="ana", text="hi")

    assert await read_seq(database, bo) == 3


async def test_a_committer_is_ready_before_its_first_batch(database: Database) -> None:
    committer = make_committer(database)

    assert committer.ready
    assert not committer.finished.is_set()


async def test_a_failed_batch_announces_nothing(
    server: Server, gated: GatedDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    ana = (await server.person("ana")).user
    announced: list[Sequence[EventBatch]] = []
    on_committed: Seam[Sequence[EventBatch]] = Seam()
    committer = make_committer(gated, on_committed)
    outcomes: list[object] = []

    gated.fails_with = Unavailable()
    for text in ("one", "two"):
        append = Send(room=GENERAL, by=ana, at=server.clock(), text=text)
        committer.submit(append, outcomes.append)
    committer.close()
    with on_committed.connected(announced.append):
        await committer.run()
    gated.fails_with = None

    assert [type(outcome) for outcome in outcomes] == [Unavailable, Unavailable]
    assert announced == []
    assert committer.failures_in_a_row == 1
    assert not [r for r in caplog.records if r.name == "parley.committer"]


async def test_refused_appends_are_logged_without_their_text(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="parley.committer")

    with pytest.raises(Internal):
        await server.append(Send, "general", by="ana", text="not for a log \ud800")

    logged = {r.getMessage(): r for r in caplog.records if r.name == "parley.committer"}
    assert list(logged) == ["committer.batch_refused", "committer.append_refused"]
    assert logged["committer.batch_refused"].__dict__["appends"] == 1
    assert logged["committer.append_refused"].__dict__["append"] == "Send"
