"""Group commit: everything in one order, once, and on disk before anybody hears of it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
import sqlalchemy as sa

from app.domain.appends import Ban, Committed, CreateRoom, Delete, Edit, Join, Send, UpdateRoom
from app.domain.errors import Banned, IdReused, Internal, Unavailable
from app.domain.ids import RoomId, UserId
from app.domain.roles import Kind
from app.observability.logs import TextFormatter
from app.realtime.fanout import Fanout
from app.realtime.outbox import Outbox
from app.services.log.committer import Committer
from app.services.log.read_receipt_buffer import ReadReceiptBuffer
from app.services.log.seams import Seam
from app.store.checking import check
from app.store.database import Database
from app.wire.frames import text_frame
from tests.harness.databases import GatedDatabase
from tests.harness.patience import patience, turns, until
from tests.harness.server import Server, open_server
from tests.realtime.people import RecordingTransport


@pytest.fixture
async def house(
    gated: GatedDatabase, limits: Mapping[str, Mapping[str, Any]]
) -> AsyncIterator[Server]:
    """A server on a database that a test can hold; ana and bo are in ``general``."""
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


async def test_concurrent_sends_half_of_them_repeated_give_one_to_n(
    house: Server, database: Database
) -> None:
    ana = (await house.person("ana")).user
    append = house.runtime.log.committer.append
    ids = [str(n) for n in range(100)]

    done = await asyncio.gather(
        *(append(send(house, f"text {id}", by=ana, id=id)) for id in ids * 2)
    )

    first, again = done[:100], done[100:]
    assert [d.seq for d in first] == [d.seq for d in again]
    assert [d.duplicate for d in done] == [False] * 100 + [True] * 100
    assert await numbers(database) == list(range(1, 3 + 100 + 1))
    assert (await database.read(check)).findings == []


async def test_a_fault_in_telling_others_costs_no_sender_the_answer(
    house: Server, caplog: pytest.LogCaptureFixture
) -> None:
    ana = (await house.person("ana")).user
    append = house.runtime.log.committer.append

    def broken(_event_batches: object) -> None:
        raise ZeroDivisionError

    with house.runtime.log.seams.on_committed.connected(broken):
        first = await append(send(house, "not told", by=ana))
    second = await append(send(house, "told", by=ana))

    assert second.seq == first.seq + 1
    assert [r.getMessage() for r in caplog.records if r.name == "parley.committer"] == [
        "committer.not_published"
    ]


async def test_what_waits_becomes_one_transaction_in_order_of_arrival(
    house: Server, gated: GatedDatabase
) -> None:
    ana, bo = [(await house.person(name)).user for name in ("ana", "bo")]
    append = house.runtime.log.committer.append
    writes = gated.writes

    with gated.holding_writes() as gate:
        lone = asyncio.create_task(append(send(house, "lone", by=ana)))
        await until(lambda: gate.waiting, "the first batch")
        tasks = [
            asyncio.create_task(append(send(house, str(n), by=(ana, bo)[n % 2])))
            for n in range(50)
        ]
        await turns()

    done = await asyncio.gather(lone, *tasks)
    assert [d.seq for d in done] == list(range(done[0].seq, done[0].seq + 51))
    assert gated.writes == writes + 2


async def test_senders_in_step_share_a_batch(house: Server, gated: GatedDatabase) -> None:
    ana = (await house.person("ana")).user
    rounds = 25

    async def goes_on(place: int) -> None:
        for n in range(rounds):
            await house.runtime.log.committer.append(send(house, str(n), by=ana))
            # Not all are as fast: the answers reach them one after the other.
            await turns(place)

    writes = gated.writes
    await asyncio.gather(*(goes_on(place) for place in range(8)))

    # Two halves that take turns would be two batches a round.
    assert gated.writes - writes < rounds * 1.5


async def test_each_decision_sees_the_one_before_it(house: Server, gated: GatedDatabase) -> None:
    ana, bo = [(await house.person(name)).user for name in ("ana", "bo")]
    submit, at = house.runtime.log.committer.submit, house.clock()
    owner = await house.append(UpdateRoom, "general", by=None, title="x", as_operator=True)
    outcomes: list[Any] = []

    with gated.holding_writes() as gate:
        submit(send(house, "lone", by=ana), lambda _: None)
        await until(lambda: gate.waiting, "the first batch")
        for append in (
            send(house, "before", by=bo, id="1"),
            send(house, "before", by=bo, id="1"),
            send(house, "another", by=bo, id="1"),
            Ban(room=RoomId(1), by=None, at=at, user=bo, on=True),
            send(house, "after", by=bo),
            send(house, "before", by=bo, id="1"),
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


async def test_nobody_hears_of_what_is_not_committed(house: Server, gated: GatedDatabase) -> None:
    bo = await house.joins("bo", "general")
    ana = await house.joins("ana", "general")
    await gated.quiet()

    with gated.holding_what_is_written() as gate:
        asked = await ana.sends("send", text="hi")
        await until(lambda: gate.waiting, "the commit")
        await bo.nothing_more()
        await ana.nothing_more()

    assert (await ana.answer(asked))["type"] == "ack"
    assert await bo.hears_texts(1) == ["hi"]


async def test_a_commit_that_fails_is_answered_unavailable_and_a_retry_finds_out(
    house: Server, gated: GatedDatabase
) -> None:
    ana = await house.joins("ana", "general")

    gated.fails_with = Unavailable()
    error = await ana.ask("send", id="1", text="hi")
    gated.fails_with = None
    ack = await ana.ask("send", id="1", text="hi")

    assert (error["code"], ack["type"]) == ("unavailable", "ack")
    assert "duplicate" not in ack


async def test_an_outcome_that_is_not_known_is_found_out_by_a_retry(
    house: Server, gated: GatedDatabase
) -> None:
    # Committed, but the answer of the database is lost.
    ana = await house.joins("ana", "general")
    write = gated._database.write

    async def lossy(work: Any) -> Any:
        await write(work)
        raise Unavailable

    gated._database.write = lossy  # type: ignore[method-assign]
    error = await ana.ask("send", id="1", text="hi")
    gated._database.write = write  # type: ignore[method-assign]
    ack = await ana.ask("send", id="1", text="hi")

    assert error["code"] == "unavailable"
    assert ack["duplicate"] is True
    said = await ana.ask("send", text="after")
    assert said["seq"] == ack["seq"] + 1
    await ana.hears_until(said["seq"])
    assert ana.texts == ["hi", "after"]


async def test_three_failures_in_a_row_show(house: Server, gated: GatedDatabase) -> None:
    ana = (await house.person("ana")).user
    committer = house.runtime.log.committer

    gated.fails_with = Unavailable()
    for ready in (True, True, False, False):
        with pytest.raises(Unavailable):
            await committer.append(send(house, "x", by=ana))
        assert committer.ready is ready
    gated.fails_with = None
    await committer.append(send(house, "x", by=ana))

    assert committer.ready


async def test_a_row_that_the_database_refuses_fails_alone(
    house: Server, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    ana = (await house.person("ana")).user
    append = house.runtime.log.committer.append
    # Past validation: no engine takes it.
    bad = send(house, "not for a log \ud800", by=ana, id="bad")

    outcomes = await asyncio.gather(
        *(append(send(house, str(n), by=ana, id=str(n))) for n in range(5)),
        append(bad),
        *(append(send(house, str(n), by=ana, id=str(n))) for n in range(5, 10)),
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


@pytest.mark.limits(log={"max_queued_appends": 3})
async def test_a_full_queue_is_unavailable(house: Server, gated: GatedDatabase) -> None:
    ana = (await house.person("ana")).user
    committer = house.runtime.log.committer

    with gated.holding_writes() as gate:
        tasks = [asyncio.create_task(committer.append(send(house, "x", by=ana)))]
        await until(lambda: gate.waiting, "the first batch")
        tasks += [
            asyncio.create_task(committer.append(send(house, "x", by=ana))) for _ in range(5)
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


@pytest.mark.limits(log={"max_batch_appends": 4, "max_batch_rooms": 2})
async def test_batches_are_bounded(house: Server, gated: GatedDatabase) -> None:
    ana = (await house.person("ana")).user
    for name in ("one", "two", "three"):
        await house.room(name)
    gated.shared = True
    writes = gated.writes

    with gated.holding_writes() as gate:
        first = asyncio.create_task(house.runtime.log.committer.append(send(house, "x", by=ana)))
        await until(lambda: gate.waiting, "the first batch")
        tasks = [
            asyncio.create_task(house.append(Send, room, by="ana", text="x"))
            for room in ("one", "two", "three", "one", "one", "one", "one")
        ]
        await turns()

    await asyncio.gather(first, *tasks)
    # Two rooms; then three of one and the third room's four; then the rest.
    assert gated.writes == writes + 1 + 3


async def test_a_storm_of_cancelled_senders_leaves_no_lock(
    house: Server, database: Database
) -> None:
    ana = (await house.person("ana")).user
    append = house.runtime.log.committer.append

    for _ in range(10):
        tasks = [
            asyncio.create_task(append(send(house, "x", by=ana, id=f"{_}/{n}"))) for n in range(30)
        ]
        await turns(_)
        for task in tasks[::2]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async with patience("another write", 3):
        done = await append(send(house, "after the storm", by=ana))
    assert await numbers(database) == list(range(1, (done.seq or 0) + 1))


async def test_a_storm_of_cut_sockets_leaves_no_lock(house: Server, database: Database) -> None:
    for n in range(30):
        line = await house.connects("ana", "general", fast=bool(n % 2))
        await line.hears("welcome")
        for m in range(10):
            await line.sends("send", id=f"{n}/{m}", text="x")
        await turns(n)
        await line.hang_up()

    ana = await house.joins("ana", "general")
    async with patience("another send", 3):
        retries = [await ana.ask("send", id=f"{n}/{m}", text="x") for n in (0, 29) for m in (0, 9)]
    assert {answer["type"] for answer in retries} == {"ack"}
    assert (await database.read(check)).findings == []


async def test_closing_commits_what_was_taken_and_takes_no_more(gated: GatedDatabase) -> None:
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


async def test_rooms_are_made_in_a_batch_too(house: Server) -> None:
    ana = (await house.person("ana")).user
    made = [
        house.append(CreateRoom, None, by="ana", name=f"room{n}", title="", kind=Kind.PRIVATE)
        for n in (1, 2, 3)
    ]

    done = await asyncio.gather(*made)

    assert len({d.room for d in done}) == 3
    assert {d.seq for d in done} == {1}
    assert ana


async def test_an_edit_and_a_deletion_may_share_a_batch_with_the_message(
    house: Server, gated: GatedDatabase, database: Database
) -> None:
    ana = (await house.person("ana")).user
    submit, at = house.runtime.log.committer.submit, house.clock()
    outcomes: list[Any] = []
    ref = (await numbers(database))[-1] + 2

    with gated.holding_writes() as gate:
        submit(send(house, "lone", by=ana), lambda _: None)
        await until(lambda: gate.waiting, "the first batch")
        submit(send(house, "one", by=ana), outcomes.append)
        submit(Edit(room=RoomId(1), by=ana, at=at, ref=ref, text="two"), outcomes.append)
        submit(Delete(room=RoomId(1), by=ana, at=at, ref=ref), outcomes.append)
    await until(lambda: len(outcomes) == 3, "the answers")

    assert [type(outcome) for outcome in outcomes] == [Committed] * 3
    assert (await database.read(check)).findings == []


@pytest.mark.sqlite_only
@pytest.mark.parametrize("due", [True, False], ids=["a slice is due", "none is"])
async def test_who_is_still_to_be_told_makes_way_until_the_batch_waits_for_the_disk(
    house: Server, gated: GatedDatabase, due: bool
) -> None:
    ana = (await house.person("ana")).user
    committer, fanout = house.runtime.log.committer, house.runtime.realtime.hub.fanout
    transport = RecordingTransport()
    earlier = ([Outbox(transport, 0, lambda: None)], text_frame(b"an earlier message"))

    with gated.holding_what_is_written() as written:
        with gated.holding_writes() as gate:
            if due:
                fanout.send(*earlier)
            committer.submit(send(house, "hello", by=ana), lambda _: None)
            if not due:
                fanout.send(*earlier)
            await until(lambda: gate.waiting, "the batch")
            await turns()
            assert transport.payloads == []
        await until(lambda: written.waiting, "the commit")
        await until(lambda: transport.payloads, "the earlier message")


async def test_a_committer_without_work_ends_at_once(database: Database) -> None:
    committer = Committer(
        database, on_committed=Seam(), receipts=ReadReceiptBuffer(), pacing=Fanout()
    )
    committer.close()
    async with patience("its end"):
        await committer.run()
