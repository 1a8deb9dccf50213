"""Group commit: one order, each append once, and on disk before it is announced."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
import sqlalchemy as sa

from app.domain.appends import Ban, Committed, CreateRoom, Delete, Edit, Join, Send, UpdateRoom
from app.domain.errors import Banned, IdReused, Internal, Unavailable
from app.domain.ids import Millis, RoomId, UserId
from app.domain.roles import Kind
from app.observability.logs import TextFormatter
from app.realtime.fanout import Fanout
from app.realtime.outbox import Outbox
from app.services.log.committer import Committer
from app.services.log.read_receipt_buffer import ReadReceiptBuffer
from app.services.log.seams import Seam
from app.store.checking import check
from app.store.database import Database, T, Work
from app.wire.websocket_frame import text_frame
from tests.harness.databases import GatedDatabase
from tests.harness.patience import patience, turns, until
from tests.harness.server import Server, open_server
from tests.realtime.recording import NO_LIMIT, RecordingTransport


@pytest.fixture
async def server(
    gated: GatedDatabase, limits: Mapping[str, Mapping[str, Any]]
) -> AsyncIterator[Server]:
    """A server on the gated database; ana and bo are members of ``general``."""
    async with open_server(gated, limits=limits, fanout_patience_seconds=60.0) as server:
        for name in ("ana", "bo"):
            await server.append(Join, "general", by=name)
        await gated.quiet()
        yield server


def send(server: Server, text: str, *, by: UserId, id: str | None = None) -> Send:
    return Send(room=RoomId(1), by=by, at=server.clock(), text=text, client_id=id)


async def numbers(database: Database, room: int = 1) -> list[int]:
    found = await database.read(
        lambda c: (
            c.execute(
                sa.text("SELECT id & 4294967295 FROM events WHERE room_id = :room ORDER BY id"),
                {"room": room},
            )
            .scalars()
            .all()
        )
    )
    return [int(seq) for seq in found]


async def test_concurrent_sends_with_retries_are_numbered_without_gaps(
    server: Server, database: Database
) -> None:
    ana = (await server.person("ana")).user
    append = server.runtime.log.committer.append
    ids = [str(n) for n in range(100)]

    done = await asyncio.gather(
        *(append(send(server, f"text {id}", by=ana, id=id)) for id in ids * 2)
    )

    first, again = done[:100], done[100:]
    assert [d.seq for d in first] == [d.seq for d in again]
    assert [d.duplicate for d in done] == [False] * 100 + [True] * 100
    assert await numbers(database) == list(range(1, 3 + 100 + 1))
    assert (await database.read(check)).findings == []


async def test_a_failing_listener_costs_no_sender_the_result(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    ana = (await server.person("ana")).user
    append = server.runtime.log.committer.append

    def broken(_event_batches: object) -> None:
        raise ZeroDivisionError

    with server.runtime.log.seams.on_committed.connected(broken):
        first = await append(send(server, "not announced", by=ana))
    second = await append(send(server, "announced", by=ana))

    assert second.seq == first.seq + 1
    assert [r.getMessage() for r in caplog.records if r.name == "parley.committer"] == [
        "committer.not_published"
    ]


async def test_queued_appends_become_one_transaction_in_order_of_arrival(
    server: Server, gated: GatedDatabase
) -> None:
    ana, bo = [(await server.person(name)).user for name in ("ana", "bo")]
    append = server.runtime.log.committer.append
    writes = gated.batches

    with gated.holding_writes() as gate:
        lone = asyncio.create_task(append(send(server, "lone", by=ana)))
        await until(lambda: gate.waiting, "the first batch")
        tasks = [
            asyncio.create_task(append(send(server, str(n), by=(ana, bo)[n % 2])))
            for n in range(50)
        ]
        await turns()

    done = await asyncio.gather(lone, *tasks)
    assert [d.seq for d in done] == list(range(done[0].seq, done[0].seq + 51))
    assert gated.batches == writes + 2


async def test_senders_in_step_share_a_batch(server: Server, gated: GatedDatabase) -> None:
    ana = (await server.person("ana")).user
    rounds = 25

    async def send_repeatedly(place: int) -> None:
        for n in range(rounds):
            await server.runtime.log.committer.append(send(server, str(n), by=ana))
            # Senders get their results at different times.
            await turns(place)

    writes = gated.batches
    await asyncio.gather(*(send_repeatedly(place) for place in range(8)))

    # Two groups with alternating batches would take two batches a round.
    assert gated.batches - writes < rounds * 1.5


async def test_each_decision_sees_the_one_before_it(server: Server, gated: GatedDatabase) -> None:
    ana, bo = [(await server.person(name)).user for name in ("ana", "bo")]
    submit, at = server.runtime.log.committer.submit, server.clock()
    owner = await server.append(UpdateRoom, "general", by=None, title="x", as_operator=True)
    outcomes: list[Any] = []

    with gated.holding_writes() as gate:
        submit(send(server, "lone", by=ana), lambda _: None)
        await until(lambda: gate.waiting, "the first batch")
        for append in (
            send(server, "before", by=bo, id="1"),
            send(server, "before", by=bo, id="1"),
            send(server, "another", by=bo, id="1"),
            Ban(room=RoomId(1), by=None, at=at, user=bo, on=True),
            send(server, "after", by=bo),
            send(server, "before", by=bo, id="1"),
            Join(room=RoomId(1), by=bo, at=at),
        ):
            submit(append, outcomes.append)
    await until(lambda: len(outcomes) == 7, "the answers")

    first, again, other, ban, after, retry, join = outcomes
    assert owner.seq is not None
    assert (first.duplicate, again.duplicate, again.seq) == (False, True, first.seq)
    assert isinstance(other, IdReused)
    assert ban.seq == first.seq + 1
    assert isinstance(after, Banned)
    assert (retry.seq, retry.duplicate) == (first.seq, True)
    assert isinstance(join, Banned)


async def test_nothing_is_announced_before_the_commit(
    server: Server, gated: GatedDatabase
) -> None:
    bo = await server.joins("bo", "general")
    ana = await server.joins("ana", "general")
    await gated.quiet()

    with gated.holding_write_results() as gate:
        asked = await ana.sends("send", text="hi")
        await until(lambda: gate.waiting, "the commit")
        await bo.nothing_more()
        await ana.nothing_more()

    assert (await ana.answer(asked))["type"] == "ack"
    assert await bo.hears_texts(1) == ["hi"]


async def test_after_a_failed_commit_a_retry_appends(server: Server, gated: GatedDatabase) -> None:
    ana = await server.joins("ana", "general")

    gated.fails_with = Unavailable()
    error = await ana.ask("send", id="1", text="hi")
    gated.fails_with = None
    ack = await ana.ask("send", id="1", text="hi")

    assert (error["code"], ack["type"]) == ("unavailable", "ack")
    assert "duplicate" not in ack


async def test_after_a_commit_with_a_lost_response_a_retry_is_a_duplicate(
    server: Server, gated: GatedDatabase
) -> None:
    ana = await server.joins("ana", "general")

    gated.loses_responses_with = Unavailable()
    error = await ana.ask("send", id="1", text="hi")
    gated.loses_responses_with = None
    ack = await ana.ask("send", id="1", text="hi")

    assert error["code"] == "unavailable"
    assert ack["duplicate"] is True
    sent = await ana.ask("send", text="after")
    assert sent["seq"] == ack["seq"] + 1
    await ana.hears_until(sent["seq"])
    assert ana.texts == ["hi", "after"]


async def test_a_committer_is_not_ready_after_three_failures_in_a_row(
    server: Server, gated: GatedDatabase
) -> None:
    ana = (await server.person("ana")).user
    committer = server.runtime.log.committer

    gated.fails_with = Unavailable()
    for ready in (True, True, False, False):
        with pytest.raises(Unavailable):
            await committer.append(send(server, "x", by=ana))
        assert committer.ready is ready
    gated.fails_with = None
    await committer.append(send(server, "x", by=ana))

    assert committer.ready


async def test_an_append_that_the_database_refuses_fails_alone(
    server: Server, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    ana = (await server.person("ana")).user
    append = server.runtime.log.committer.append
    # Past validation: no engine stores a lone surrogate.
    bad = send(server, "not for a log \ud800", by=ana, id="bad")

    outcomes = await asyncio.gather(
        *(append(send(server, str(n), by=ana, id=str(n))) for n in range(5)),
        append(bad),
        *(append(send(server, str(n), by=ana, id=str(n))) for n in range(5, 10)),
        return_exceptions=True,
    )

    assert isinstance(outcomes[5], Internal)
    others = [*outcomes[:5], *outcomes[6:]]
    assert all(isinstance(outcome, Committed) for outcome in others)
    seqs = [outcome.seq for outcome in others]  # type: ignore[union-attr]
    assert seqs == list(range(seqs[0], seqs[0] + 10))
    assert (await database.read(check)).findings == []
    log = "\n".join(map(TextFormatter().format, caplog.records))
    assert "committer.batch_refused" in log
    assert "not for a log" not in log


@pytest.mark.sqlite_only
async def test_a_damaged_message_fails_no_other_append(server: Server, database: Database) -> None:
    ana = (await server.person("ana")).user
    append = server.runtime.log.committer.append
    hello = await append(send(server, "hello", by=ana))
    sql = "UPDATE events SET text = 'hallo' WHERE text = 'hello'"
    await database.write(lambda c: c.execute(sa.text(sql)) and None)

    edit = Edit(room=hello.room, by=ana, at=Millis(1), ref=hello.seq or 0, text="x")
    outcomes = await asyncio.gather(
        append(send(server, "before", by=ana)),
        append(edit),
        append(send(server, "after", by=ana)),
        return_exceptions=True,
    )

    assert isinstance(outcomes[1], Unavailable)
    assert isinstance(outcomes[0], Committed)
    assert isinstance(outcomes[2], Committed)


@pytest.mark.limits(log={"max_queued_appends": 3})
async def test_a_full_queue_is_unavailable(server: Server, gated: GatedDatabase) -> None:
    ana = (await server.person("ana")).user
    committer = server.runtime.log.committer

    with gated.holding_writes() as gate:
        tasks = [asyncio.create_task(committer.append(send(server, "x", by=ana)))]
        await until(lambda: gate.waiting, "the first batch")
        tasks += [
            asyncio.create_task(committer.append(send(server, "x", by=ana))) for _ in range(5)
        ]
        await turns()
        refused = [task for task in tasks if task.done()]

    assert len(refused) == 2
    for task in refused:
        with pytest.raises(Unavailable):
            await task
    for task in tasks:
        if task not in refused:
            assert (await task).seq


class TimingDatabase(GatedDatabase):
    """A gated database that notes since when each batch has been waiting."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.since: list[float | None] = []

    async def write_log(
        self, work: Work[T], *, aside: bool = False, waiting_since: float | None = None
    ) -> T:
        self.since.append(waiting_since)
        return await super().write_log(work, aside=aside)


async def test_a_batch_waits_since_the_first_of_it_was_queued(database: Database) -> None:
    timing = TimingDatabase(database)
    async with open_server(timing) as server:
        await server.append(Join, "general", by="ana")
        ana = (await server.person("ana")).user
        append = server.runtime.log.committer.append
        await timing.quiet()
        timing.since.clear()
        with timing.holding_writes() as gate:
            tasks = [asyncio.create_task(append(send(server, "one", by=ana)))]
            await until(lambda: gate.waiting, "the first batch")
            before = time.monotonic()
            tasks.append(asyncio.create_task(append(send(server, "two", by=ana))))
            await turns()
            queued = time.monotonic()
        await asyncio.gather(*tasks)

    first, second = timing.since
    assert first is not None
    assert second is not None
    assert first < before <= second <= queued


@pytest.mark.limits(log={"max_batch_appends": 4, "max_batch_rooms": 2})
async def test_batches_are_bounded(server: Server, gated: GatedDatabase) -> None:
    ana = (await server.person("ana")).user
    for name in ("one", "two", "three"):
        await server.room(name)
    gated.shared = True
    writes = gated.batches

    with gated.holding_writes() as gate:
        first = asyncio.create_task(server.runtime.log.committer.append(send(server, "x", by=ana)))
        await until(lambda: gate.waiting, "the first batch")
        tasks = [
            asyncio.create_task(server.append(Send, room, by="ana", text="x"))
            for room in ("one", "two", "three", "one", "one", "one", "one")
        ]
        await turns()

    await asyncio.gather(first, *tasks)
    # At most two rooms and four appends a batch.
    assert gated.batches == writes + 1 + 3


async def test_cancelled_senders_do_not_block_the_committer(
    server: Server, database: Database
) -> None:
    ana = (await server.person("ana")).user
    append = server.runtime.log.committer.append

    for storm in range(10):
        tasks = [
            asyncio.create_task(append(send(server, "x", by=ana, id=f"{storm}/{n}")))
            for n in range(30)
        ]
        await turns(storm)
        for task in tasks[::2]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async with patience("another write", 3):
        done = await append(send(server, "after the storm", by=ana))
    assert await numbers(database) == list(range(1, (done.seq or 0) + 1))


async def test_aborted_sockets_do_not_block_the_committer(
    server: Server, database: Database
) -> None:
    for n in range(30):
        socket = await server.connects("ana", "general", fast=bool(n % 2))
        await socket.hears("welcome")
        for m in range(10):
            await socket.sends("send", id=f"{n}/{m}", text="x")
        await turns(n)
        await socket.hang_up()

    ana = await server.joins("ana", "general")
    async with patience("another send", 3):
        retries = [await ana.ask("send", id=f"{n}/{m}", text="x") for n in (0, 29) for m in (0, 9)]
    assert {answer["type"] for answer in retries} == {"ack"}
    assert (await database.read(check)).findings == []


async def test_closing_commits_the_queue_and_refuses_more(gated: GatedDatabase) -> None:
    async with open_server(gated) as server:
        ana = await server.joins("ana", "general")
        await gated.quiet()
        committer = server.runtime.log.committer
        with gated.holding_writes() as gate:
            asked = [await ana.sends("send", text=str(n)) for n in range(5)]
            await until(lambda: gate.waiting, "the batch")
            await turns()
            committer.close()
            refused = await ana.ask("send", text="too late")
        async with patience("the end of the committer"):
            await committer.finished.wait()

        assert refused["code"] == "unavailable"
        for id in asked:
            assert (await ana.answer(id))["type"] == "ack"


async def test_rooms_are_created_in_a_batch_too(server: Server) -> None:
    created = [
        server.append(CreateRoom, None, by="ana", name=f"room{n}", title="", kind=Kind.PRIVATE)
        for n in (1, 2, 3)
    ]

    done = await asyncio.gather(*created)

    assert len({d.room for d in done}) == 3
    assert {d.seq for d in done} == {1}


async def test_an_edit_and_a_deletion_may_share_a_batch_with_the_message(
    server: Server, gated: GatedDatabase, database: Database
) -> None:
    ana = (await server.person("ana")).user
    submit, at = server.runtime.log.committer.submit, server.clock()
    outcomes: list[Any] = []
    ref = (await numbers(database))[-1] + 2

    with gated.holding_writes() as gate:
        submit(send(server, "lone", by=ana), lambda _: None)
        await until(lambda: gate.waiting, "the first batch")
        submit(send(server, "one", by=ana), outcomes.append)
        submit(Edit(room=RoomId(1), by=ana, at=at, ref=ref, text="two"), outcomes.append)
        submit(Delete(room=RoomId(1), by=ana, at=at, ref=ref), outcomes.append)
    await until(lambda: len(outcomes) == 3, "the answers")

    assert [type(outcome) for outcome in outcomes] == [Committed] * 3
    assert (await database.read(check)).findings == []


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    "scheduled", [True, False], ids=["a slice is scheduled", "no slice is scheduled"]
)
async def test_the_fan_out_pauses_until_the_batch_waits_for_the_disk(
    server: Server, gated: GatedDatabase, scheduled: bool
) -> None:
    ana = (await server.person("ana")).user
    committer, fanout = server.runtime.log.committer, server.runtime.realtime.hub.fanout
    transport = RecordingTransport()
    earlier = ([Outbox(transport, NO_LIMIT, lambda _: None)], text_frame(b"an earlier message"))

    with gated.holding_write_results() as written:
        with gated.holding_writes() as gate:
            if scheduled:
                fanout.send(*earlier)
            committer.submit(send(server, "hello", by=ana), lambda _: None)
            if not scheduled:
                fanout.send(*earlier)
            await until(lambda: gate.waiting, "the batch")
            await turns()
            assert transport.payloads == []
        await until(lambda: written.waiting, "the commit")
        await until(lambda: transport.payloads, "the earlier message")


async def test_an_idle_committer_stops_at_once(database: Database) -> None:
    committer = Committer(
        database, on_committed=Seam(), receipts=ReadReceiptBuffer(), pacing=Fanout()
    )
    committer.close()
    async with patience("its end"):
        await committer.run()
