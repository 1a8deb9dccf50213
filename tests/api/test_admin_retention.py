"""Retention of rooms, over HTTP."""

from typing import Any

import pytest

from app.domain.appends import Send
from tests.api.people import code, fields
from tests.harness.server import Server, User


@pytest.fixture
async def admin(server: Server) -> User:
    return await server.person("ada", is_admin=True)


async def listed(admin: User, room: str) -> dict[str, Any]:
    rooms = (await admin.http.get("/admin/rooms")).json()["rooms"]
    found: dict[str, Any] = next(r for r in rooms if r["name"] == room)
    return found


async def test_a_room_keeps_everything_by_default(admin: User) -> None:
    room = await listed(admin, "general")

    assert (room["retention_days"], room["retention_events"]) == (None, None)


async def test_a_new_rule_replaces_the_old_one(admin: User) -> None:
    days = await admin.http.put("/admin/rooms/General/retention", json={"days": 30})
    events = await admin.http.put("/admin/rooms/general/retention", json={"events": 1_000})

    assert days.status_code == events.status_code == 200
    assert (days.json()["retention_days"], days.json()["retention_events"]) == (30, None)
    assert (events.json()["retention_days"], events.json()["retention_events"]) == (None, 1_000)
    assert events.json() == await listed(admin, "general")


async def test_removing_retention_is_idempotent(admin: User) -> None:
    await admin.http.put("/admin/rooms/general/retention", json={"days": 30})

    for _ in range(2):
        lifted = await admin.http.delete("/admin/rooms/general/retention")
        assert lifted.status_code == 204
    assert (await listed(admin, "general"))["retention_days"] is None


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        pytest.param({}, "days", id="neither"),
        pytest.param({"days": None}, "days", id="nothing"),
        pytest.param({"days": 1, "events": 1}, "events", id="both"),
        pytest.param({"days": 0}, "days", id="no day"),
        pytest.param({"events": 0}, "events", id="no event"),
        pytest.param({"days": 36_501}, "days", id="more than a century"),
        pytest.param({"events": 2**32}, "events", id="more than a room can have"),
        pytest.param({"days": True}, "days", id="a yes"),
        pytest.param({"days": "3"}, "days", id="a word"),
        pytest.param({"weeks": 3}, "weeks", id="an unknown field"),
    ],
)
async def test_an_invalid_rule_names_the_field(
    admin: User, body: dict[str, Any], wrong: str
) -> None:
    answer = await admin.http.put("/admin/rooms/general/retention", json=body)

    assert wrong in fields(answer)
    assert (await listed(admin, "general"))["retention_days"] is None


async def test_an_unknown_room_is_not_found(admin: User) -> None:
    put = await admin.http.put("/admin/rooms/attic/retention", json={"days": 1})
    delete = await admin.http.delete("/admin/rooms/attic/retention")

    assert code(put) == code(delete) == (404, "room_not_found")


async def test_expired_events_are_gone_everywhere(server: Server, admin: User) -> None:
    await server.room("den", members=["bo"])
    for n in range(5):
        await server.append(Send, "den", by="ana", text=f"text {n}")
    bo = (await server.person("bo")).http

    await admin.http.put("/admin/rooms/den/retention", json={"events": 2})
    await server.runtime.rooms.retention.sweep()

    room = (await bo.get("/rooms/den")).json()
    assert (room["first"], room["head"]) == (6, 7)
    page = (await bo.get("/rooms/den/messages")).json()
    assert [m["text"] for m in page["messages"]] == ["text 3", "text 4"]
    assert (page["first"], page["has_older"]) == (6, False)
    assert code(await bo.get("/rooms/den/messages/3")) == (404, "message_not_found")
    assert code(await bo.get("/rooms/den/events", params={"since": 4})) == (410, "gone")
    for accept in ("application/x-ndjson", "text/event-stream"):
        answer = await bo.get("/rooms/den/events?since=0", headers={"Accept": accept})
        assert code(answer) == (410, "gone")
    assert (await bo.get("/search", params={"q": "text"})).json()["messages"][-1]["seq"] == 6


async def test_pinned_messages_are_kept_until_they_are_unpinned(
    server: Server, admin: User
) -> None:
    await server.room("den", members=["bo"])
    for n in range(5):
        await server.append(Send, "den", by="ana", text=f"text {n}")
    bo = (await server.person("bo")).http
    await bo.put("/rooms/den/messages/4/pin")

    kept = await admin.http.put("/admin/rooms/den/retention", json={"events": 2})
    await server.runtime.rooms.retention.sweep()

    assert kept.json()["retention_keep_pinned"] is True
    assert (await bo.get("/rooms/den")).json()["first"] == 7
    pins = (await bo.get("/rooms/den/pins")).json()["messages"]
    assert [m["text"] for m in pins] == ["text 1"]
    assert (await bo.get("/rooms/den/messages/4")).json()["text"] == "text 1"
    assert code(await bo.get("/rooms/den/events", params={"since": 3})) == (410, "gone")
    found = (await bo.get("/search", params={"q": "text"})).json()["messages"]
    assert [m["seq"] for m in found] == [7, 4]

    await bo.delete("/rooms/den/messages/4/pin")

    assert code(await bo.get("/rooms/den/messages/4")) == (404, "message_not_found")
    await server.runtime.rooms.retention.sweep()
    assert (await bo.get("/search", params={"q": "text"})).json()["messages"] == []


async def test_a_room_can_be_set_to_keep_no_pinned_message(server: Server, admin: User) -> None:
    await server.room("den", members=[])
    await server.append(Send, "den", by="ana", text="the rules")
    ana = (await server.person("ana")).http
    await ana.put("/rooms/den/messages/2/pin")

    rule = {"events": 1, "keep_pinned": False}
    answer = await admin.http.put("/admin/rooms/den/retention", json=rule)
    await server.runtime.rooms.retention.sweep()

    assert answer.json()["retention_keep_pinned"] is False
    assert (await ana.get("/rooms/den/pins")).json()["messages"] == []
    entry = (await admin.http.get("/admin/audit")).json()["entries"][0]
    assert (entry["action"], entry["data"]) == ("room.set_retention", rule)
