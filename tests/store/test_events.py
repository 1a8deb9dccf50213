"""Reading a room's log."""

from app.domain.appends import Delete, Edit, Send
from app.store import events
from app.store.database import Database
from tests.harness.server import Server
from tests.store.message_env import DEN, MessageEnv


async def test_a_page_of_the_log_ends_where_it_is_asked_to(database: Database) -> None:
    env = MessageEnv(database)
    await env.fill(DEN, messages=5)

    async def seqs(after: int, upto: int, limit: int) -> list[int]:
        found = await env.read(lambda c: events.after(c, DEN, after, upto=upto, limit=limit))
        return [event.seq for event in found]

    assert await seqs(0, 10, 99) == list(range(1, 11))
    assert await seqs(3, 10, 2) == [4, 5]
    assert await seqs(3, 4, 9) == [4]
    assert await seqs(10, 10, 9) == await seqs(5, 3, 9) == []
    assert await env.read(lambda c: events.head(c, DEN)) == 10
    assert await env.read(lambda c: events.first(c, DEN)) == 1
    assert await env.read(lambda c: events.batch_after(c, DEN, 10, upto=10, limit=1)) is None


async def test_a_replay_shows_the_present_texts(server: Server) -> None:
    room = await server.room("den", members=["bo"])
    first = (await server.append(Send, "den", by="bo", text="first")).seq
    deleted = (await server.append(Send, "den", by="bo", text="secret")).seq
    for text in ("second", "third"):
        await server.append(Edit, "den", by="bo", ref=first, text=text)
    await server.append(Edit, "den", by="bo", ref=deleted, text="secret still")
    await server.append(Delete, "den", by="ana", ref=deleted)

    batch = await server.database.read(lambda c: events.batch_after(c, room, 2, upto=99, limit=9))

    assert batch is not None
    assert [(e.type.split(".")[1], e.ref, e.text) for e in batch.events] == [
        ("created", None, "third"),
        ("created", None, None),
        ("edited", first, "third"),
        ("edited", first, "third"),
        ("edited", deleted, None),
        ("deleted", deleted, None),
    ]
    assert (batch.room_name, batch.first, batch.last) == ("den", 3, 8)
    assert set(batch.names.values()) == {"ana", "bo"}
    assert batch.events[0].edited_at is not None
    assert batch.events[1].deleted_at is not None
