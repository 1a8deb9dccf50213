"""`@all` and `@here`: on event and message, in the counts of members, and in `activity`."""

from typing import Any

from app.store.checking import check
from tests.harness.server import Server


async def counts(server: Server, name: str) -> tuple[int, int]:
    room: dict[str, Any] = (await (await server.person(name)).http.get("/rooms/den")).json()
    return room["unread"], room["mentions"]


async def test_a_mention_of_the_room_is_on_the_event_and_counts(server: Server) -> None:
    await server.room("den", members=["bo", "bea", "cy", "dee"])
    ana, bo, bea, cy = [(await server.person(name)).http for name in ("ana", "bo", "bea", "cy")]
    await bea.put("/rooms/den/notifications", json={"level": "none"})
    await cy.put("/users/me/blocks/ana")
    dee = await server.joins("dee", "den")
    watching = await server.connects("bo")
    await watching.hears("welcome")

    sent = await ana.post("/rooms/den/messages", json={"text": "@all and @bo: cake"})

    assert (sent.json()["mentions_room"], sent.json()["mentions"]) == ("all", ["bo"])
    event = await dee.hears("message.created")
    assert (event["mentions_room"], event["mentions"]) == ("all", ["bo"])
    activity = await watching.hears("activity")
    assert (activity["mentions_room"], activity["mention"]) == ("all", True)
    assert [await counts(server, name) for name in ("ana", "bo", "bea", "cy", "dee")] == [
        (0, 0),
        (1, 1),
        (1, 0),
        (1, 0),
        (1, 1),
    ]
    assert (await server.database.read(check)).findings == []

    seq = sent.json()["seq"]
    edited = await ana.patch(f"/rooms/den/messages/{seq}", json={"text": "cake"})

    assert "mentions_room" not in edited.json()
    assert await counts(server, "dee") == (1, 0)
    await ana.patch(f"/rooms/den/messages/{seq}", json={"text": "@all cake"})
    assert await counts(server, "dee") == (1, 1)
    assert (await server.database.read(check)).findings == []
    await ana.delete(f"/rooms/den/messages/{seq}")
    assert await counts(server, "dee") == (0, 0)
    assert (await bo.get(f"/rooms/den/messages/{seq}")).json()["mentions"] == []
    assert (await server.database.read(check)).findings == []


async def test_a_member_may_if_the_room_is_set_so(server: Server) -> None:
    await server.room("den", members=["bo"])
    ana, bo = [(await server.person(name)).http for name in ("ana", "bo")]

    plain = await bo.post("/rooms/den/messages", json={"text": "@all hi"})
    changed = await ana.patch("/rooms/den", json={"room_mention_role": "member"})
    mention = await bo.post("/rooms/den/messages", json={"text": "@all hi"})

    assert (plain.status_code, "mentions_room" in plain.json()) == (201, False)
    assert changed.json()["room_mention_role"] == "member"
    assert mention.json()["mentions_room"] == "all"
    assert await counts(server, "ana") == (2, 1)


async def test_who_is_present_is_mentioned_and_no_one_else(server: Server) -> None:
    await server.room("den", members=["bo", "bea", "cy"])
    ana = (await server.person("ana")).http
    bo, bea = await server.joins("bo", "den"), await server.joins("bea", "den")
    phone, away = await server.connects("bo"), await server.connects("cy")
    for line in (phone, away):
        await line.hears("welcome")

    sent = await ana.post("/rooms/den/messages", json={"text": "@here: cake"})

    assert (sent.json()["mentions_room"], sent.json()["mentions"]) == ("here", [])
    assert (await bo.hears("message.created"))["mentions_room"] == "here"
    assert (await phone.hears("activity"))["mentions_room"] == "here"
    assert "mentions_room" not in await away.hears("activity")
    assert await everyone(server) == {"ana": 0, "bo": 1, "bea": 1, "cy": 0}

    # Whom it means stays as it was, until the text means others.
    seq = sent.json()["seq"]
    await bea.socket.hang_up()
    await server.joins("cy", "den")
    edited = await ana.patch(f"/rooms/den/messages/{seq}", json={"text": "@here: pie"})
    assert edited.json()["mentions_room"] == "here"
    assert await everyone(server) == {"ana": 0, "bo": 1, "bea": 1, "cy": 0}
    await ana.patch(f"/rooms/den/messages/{seq}", json={"text": "@here, @all: pie"})
    assert await everyone(server) == {"ana": 0, "bo": 1, "bea": 1, "cy": 1}
    await ana.patch(f"/rooms/den/messages/{seq}", json={"text": "pie"})
    assert await everyone(server) == {"ana": 0, "bo": 0, "bea": 0, "cy": 0}
    assert (await server.database.read(check)).findings == []


async def test_who_is_present_is_mentioned_on_the_socket_too(server: Server) -> None:
    await server.room("den", members=["bo", "bea"])
    ana, bo = await server.joins("ana", "den"), await server.joins("bo", "den")

    seq = (await ana.ask("send", text="@here cake"))["seq"]
    await bo.ask("send", text="@here I may not")

    assert (await bo.hears("message.created"))["mentions_room"] == "here"
    assert "mentions_room" not in await bo.hears("message.created")
    assert await everyone(server) == {"ana": 0, "bo": 1, "bea": 0}
    await ana.ask("edit", ref=seq, text="cake")
    await ana.ask("edit", ref=seq, text="cake @here")
    assert await everyone(server) == {"ana": 0, "bo": 1, "bea": 0}


async def everyone(server: Server) -> dict[str, int]:
    """How many unread mentions each member has."""
    members = (await (await server.person("ana")).http.get("/rooms/den/members")).json()
    names = [member["user"] for member in members["members"]]
    return {name: (await counts(server, name))[1] for name in names}
