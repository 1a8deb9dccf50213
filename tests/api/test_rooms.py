"""Rooms over HTTP."""

import re
from typing import Any

import pytest

from app.domain.appends import Ban, Send
from app.domain.roles import Kind, Role
from tests.api.people import code, fields
from tests.harness.server import Server

ROOM_FIELDS = [
    "name",
    "title",
    "kind",
    "head",
    "first",
    "created_at",
    "archived",
    "slow_mode_seconds",
    "room_mention_role",
    "member",
    "role",
    "read",
    "unread",
    "mentions",
    "as_of",
    "notifications",
]


async def names(person: Any, query: str = "") -> list[str]:
    """The names of the rooms that a user is shown."""
    answer = await person.http.get(f"/rooms{query}")
    assert answer.status_code == 200, answer.text
    return [room["name"] for room in answer.json()["rooms"]]


# Creating


async def test_the_creator_of_a_room_owns_it(server: Server) -> None:
    ana = await server.person("ana")

    made = await ana.http.post(
        "/rooms", json={"name": "Den", "title": " The den ", "kind": "private"}
    )

    assert (made.status_code, made.headers["location"]) == (201, "/rooms/den")
    room = made.json()
    assert list(room) == ROOM_FIELDS
    assert room == {
        "name": "den",
        "title": "The den",
        "kind": "private",
        "head": 1,
        "first": 1,
        "created_at": room["created_at"],
        "archived": False,
        "slow_mode_seconds": 0,
        "room_mention_role": "moderator",
        "member": True,
        "role": "owner",
        "read": 0,
        "unread": 0,
        "mentions": 0,
        "as_of": 1,
        "notifications": "mentions",
    }
    assert (await ana.http.get(made.headers["location"])).json() == room


async def test_the_title_may_be_left_out(server: Server) -> None:
    ana = await server.person("ana")

    made = await ana.http.post("/rooms", json={"name": "den", "kind": "public"})

    assert (made.status_code, made.json()["title"]) == (201, "")


async def test_a_name_is_taken_even_by_a_hidden_room(server: Server) -> None:
    await server.room("den", kind=Kind.PRIVATE)
    eve = await server.person("eve")

    answer = await eve.http.post("/rooms", json={"name": "DEN", "kind": "public"})

    assert code(answer) == (409, "room_exists")


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        pytest.param({"name": ""}, "name", id="no name"),
        pytest.param({"name": "x" * 65}, "name", id="a long name"),
        pytest.param({"name": "a b"}, "name", id="a space"),
        pytest.param({"name": "-den"}, "name", id="a dash first"),
        pytest.param({"name": "a..b"}, "name", id="two dots"),
        pytest.param({"name": "dén"}, "name", id="an accent"),
        pytest.param({"name": "direct"}, "name", id="reserved"),
        pytest.param({"name": "DM-1"}, "name", id="a direct room's"),
        pytest.param({"name": 5}, "name", id="a number"),
        pytest.param({"title": "x" * 201}, "title", id="a long title"),
        pytest.param({"title": "a\0b"}, "title", id="NUL"),
        pytest.param({"title": None}, "title", id="null"),
        pytest.param({"kind": "direct"}, "kind", id="direct"),
        pytest.param({"kind": "secret"}, "kind", id="no kind"),
        pytest.param({"owner": "bo"}, "owner", id="an unknown field"),
    ],
)
async def test_a_wrong_field_is_named(server: Server, change: dict[str, Any], wrong: str) -> None:
    ana = await server.person("ana")

    answer = await ana.http.post("/rooms", json={"name": "den", "kind": "public", **change})

    assert fields(answer) == [wrong]
    assert await names(ana) == ["general"]


async def test_missing_fields_are_named(server: Server) -> None:
    ana = await server.person("ana")

    assert fields(await ana.http.post("/rooms", json={})) == ["name", "kind"]


# Reading


async def test_a_public_room_is_visible_to_all_users(server: Server) -> None:
    await server.room("den")
    eve = await server.person("eve")

    room = (await eve.http.get("/rooms/DEN")).json()

    assert list(room) == ROOM_FIELDS
    assert [room[field] for field in ROOM_FIELDS[-6:]] == [None] * 6


async def test_a_private_room_is_hidden_from_others(server: Server) -> None:
    await server.room("den", members=["bo"], kind=Kind.PRIVATE)
    bo, eve = await server.person("bo"), await server.person("eve")
    root = await server.person("root", is_admin=True)

    assert (await bo.http.get("/rooms/den")).json()["role"] == "member"
    nothing = await eve.http.get("/rooms/nothing")
    assert code(nothing) == (404, "room_not_found")
    for outside in (eve, root):
        answer = await outside.http.get("/rooms/den")
        assert answer.json() == nothing.json()
        assert await names(outside) == ["general"]


async def test_a_ban_hides_a_private_room_and_is_reported_in_a_public_one(
    server: Server,
) -> None:
    for name, kind in (("den", Kind.PRIVATE), ("hall", Kind.PUBLIC)):
        await server.room(name, members=["bo"], kind=kind)
        await server.append(Ban, name, by="ana", user=(await server.person("bo")).user, on=True)
    bo = await server.person("bo")

    assert code(await bo.http.get("/rooms/den")) == (404, "room_not_found")
    assert code(await bo.http.get("/rooms/hall")) == (403, "banned")
    assert await names(bo) == ["general"]


async def test_unread_counts_are_as_of_the_head(server: Server) -> None:
    await server.room("den", members=["bo"])
    bo = await server.person("bo")
    await server.append(Send, "den", by="ana", text="one")
    await server.append(Send, "den", by="ana", text="two, @bo", mentions=["bo"])
    await server.append(Send, "den", by="bo", text="three")

    room = (await bo.http.get("/rooms/den")).json()
    listed = (await bo.http.get("/rooms?member=true")).json()["rooms"]

    assert (room["read"], room["unread"], room["mentions"]) == (1, 2, 1)
    assert room["as_of"] == room["head"] == 5
    assert listed == [room]


async def test_rooms_are_listed_by_name_in_pages(server: Server) -> None:
    for name in ("a-1", "a-2", "b-1"):
        await server.room(name)
    await server.room("a-3", owner="eve", kind=Kind.PRIVATE)
    ana, eve = await server.person("ana"), await server.person("eve")

    assert await names(ana) == ["a-1", "a-2", "b-1", "general"]
    assert await names(ana, "?member=true") == ["a-1", "a-2", "b-1"]
    assert await names(eve, "?q=A-") == ["a-1", "a-2", "a-3"]
    assert await names(eve, "?q=a-&member=true") == ["a-3"]
    assert await names(eve, "?q=_") == await names(eve, "?q=%25") == []
    assert await names(eve, "?q=%00") == await names(eve, "?q=%F0%9F%92%A9") == []
    first = (await eve.http.get("/rooms?limit=3")).json()
    rest = (await eve.http.get(f"/rooms?limit=3&after={first['next']}")).json()
    assert [room["name"] for room in first["rooms"]] == ["a-1", "a-2", "a-3"]
    assert [room["name"] for room in rest["rooms"]] == ["b-1", "general"]
    assert rest["next"] is None


async def test_an_archived_room_is_listed_for_its_members_only(server: Server) -> None:
    await server.room("den", members=["bo"])
    ana, bo, eve = [await server.person(name) for name in ("ana", "bo", "eve")]

    assert (await ana.http.delete("/rooms/den")).status_code == 204

    assert await names(bo) == ["den", "general"]
    assert await names(eve) == ["general"]
    assert (await eve.http.get("/rooms/den")).json()["archived"] is True


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("after=nonsense", "after"),
        ("after=WyJ1c2VycyIsICJhIl0=", "after"),
        ("member=maybe", "member"),
        ("q=" + "x" * 101, "q"),
        ("kind=public", "kind"),
        ("q=a&q=b", "q"),
    ],
)
async def test_an_invalid_query_names_the_field(server: Server, query: str, wrong: str) -> None:
    eve = await server.person("eve")

    assert fields(await eve.http.get(f"/rooms?{query}")) == [wrong]


@pytest.mark.parametrize(
    "name", ["nothing", "a b", "%00", "%ff", "%2e%2e", "x" * 300, "💩", "dm-1"]
)
async def test_an_unknown_room_is_not_found(server: Server, name: str) -> None:
    eve = await server.person("eve")

    assert (await eve.http.get(f"/rooms/{name}")).status_code == 404


# Changing


async def test_a_changed_room_is_returned(server: Server) -> None:
    await server.room("den")
    ana = await server.person("ana")

    changed = await ana.http.patch(
        "/rooms/den", json={"title": "A new one", "slow_mode_seconds": 30}
    )
    same = await ana.http.patch("/rooms/den", json={"title": "A new one"})
    nothing = await ana.http.patch("/rooms/den", json={})

    assert changed.status_code == 200
    assert (changed.json()["title"], changed.json()["slow_mode_seconds"]) == ("A new one", 30)
    assert changed.json()["head"] == 2
    assert changed.json() == same.json() == nothing.json()


async def test_an_archived_room_can_be_read_and_reopened(server: Server) -> None:
    await server.room("den", members=["bo"])
    ana, bo = await server.person("ana"), await server.person("bo")

    assert (await ana.http.delete("/rooms/den")).status_code == 204
    again = await ana.http.delete("/rooms/den")

    assert again.status_code == 204
    room = (await bo.http.get("/rooms/den")).json()
    assert (room["archived"], room["head"]) == (True, 3)
    assert code(await ana.http.patch("/rooms/den", json={"title": "x"})) == (403, "forbidden")
    assert code(await bo.http.patch("/rooms/den", json={"archived": False})) == (403, "forbidden")
    reopened = await ana.http.patch("/rooms/den", json={"archived": False, "title": "Back"})
    assert (reopened.json()["archived"], reopened.json()["title"]) == (False, "Back")


async def test_who_may_change_a_room(server: Server) -> None:
    await server.room("den", members=["bo", "mo"])
    await server.admit("den", "mo", by="ana", role=Role.MODERATOR)
    await server.room("cellar", kind=Kind.PRIVATE)
    mo, bo, eve = [await server.person(name) for name in ("mo", "bo", "eve")]
    root = await server.person("root", is_admin=True)

    for person, status in ((eve, 403), (bo, 403), (mo, 200), (root, 200)):
        changed = await person.http.patch("/rooms/den", json={"title": person.name})
        assert changed.status_code == status, person.name
    for person, status in ((eve, 403), (bo, 403), (mo, 403), (root, 204)):
        assert (await person.http.delete("/rooms/den")).status_code == status, person.name
    for person in (mo, root):
        assert code(await person.http.delete("/rooms/cellar")) == (404, "room_not_found")
        answer = await person.http.patch("/rooms/cellar", json={"title": "x"})
        assert code(answer) == (404, "room_not_found")


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"title": "x" * 201}, "title"),
        ({"title": "a\0b"}, "title"),
        ({"title": 5}, "title"),
        ({"slow_mode_seconds": -1}, "slow_mode_seconds"),
        ({"slow_mode_seconds": 21_601}, "slow_mode_seconds"),
        ({"slow_mode_seconds": True}, "slow_mode_seconds"),
        ({"slow_mode_seconds": "5"}, "slow_mode_seconds"),
        ({"slow_mode_seconds": 1.5}, "slow_mode_seconds"),
        ({"archived": 1}, "archived"),
        ({"name": "other"}, "name"),
        ({"kind": "public"}, "kind"),
    ],
)
async def test_a_wrong_change_is_named(server: Server, change: Any, wrong: str) -> None:
    await server.room("den")
    ana = await server.person("ana")

    assert fields(await ana.http.patch("/rooms/den", json=change)) == [wrong]
    assert (await ana.http.get("/rooms/den")).json()["head"] == 1


async def test_subscribers_receive_the_change(server: Server) -> None:
    await server.room("den", members=["bo"])
    ana = await server.person("ana")
    bo = await server.joins("bo", "den")

    await ana.http.patch("/rooms/den", json={"title": "New"})
    await ana.http.delete("/rooms/den")

    assert (await bo.hears())["title"] == "New"
    assert (await bo.hears("room.archived"))["by"] == "ana"
    assert (await bo.hears("removed"))["reason"] == "archived"


# Direct rooms


async def test_a_direct_room_is_created_once_with_a_random_name(server: Server) -> None:
    bo, eve = await server.person("bo"), await server.person("eve")

    first = await bo.http.put("/rooms/direct/EVE")
    second = await eve.http.put("/rooms/direct/bo")

    assert (first.status_code, second.status_code) == (200, 200)
    room = first.json()
    assert re.fullmatch(r"dm-[a-z0-9]{20}", room["name"])
    assert (room["kind"], room["with"], room["role"]) == ("direct", "eve", "member")
    assert second.json() == {**room, "with": "bo"}
    assert await names(eve, "?member=true") == [room["name"]]
    root = await server.person("root", is_admin=True)
    assert code(await root.http.get(f"/rooms/{room['name']}")) == (404, "room_not_found")


async def test_the_other_user_receives_added(server: Server) -> None:
    bo = await server.person("bo")
    eve = await server.connects("eve")
    await eve.hears("welcome")

    room = (await bo.http.put("/rooms/direct/eve")).json()

    added = await eve.hears("added")
    assert (added["room"], added["kind"], added["by"]) == (room["name"], "direct", "bo")


async def test_users_without_a_direct_room(server: Server) -> None:
    bo = await server.person("bo")

    assert code(await bo.http.put("/rooms/direct/bo")) == (409, "conflict")
    assert code(await bo.http.put("/rooms/direct/unknown")) == (404, "user_not_found")
    assert code(await bo.http.put("/rooms/direct/a b")) == (404, "user_not_found")


async def test_a_direct_room_has_no_settings(server: Server) -> None:
    bo = await server.person("bo")
    await server.person("eve")
    name = (await bo.http.put("/rooms/direct/eve")).json()["name"]

    assert code(await bo.http.patch(f"/rooms/{name}", json={"title": "Us"})) == (403, "forbidden")
    assert code(await bo.http.delete(f"/rooms/{name}")) == (403, "forbidden")


# Read markers


async def test_the_read_marker_moves_forward_only(server: Server) -> None:
    await server.room("den", members=["bo"])
    bo = await server.person("bo")
    for text in ("one", "two", "three"):
        await server.append(Send, "den", by="ana", text=text)

    async def reads(seq: int) -> dict[str, int]:
        answer = await bo.http.put("/rooms/den/read", json={"seq": seq})
        assert answer.status_code == 200
        return answer.json()

    assert await reads(4) == {"read": 4, "unread": 1, "mentions": 0, "as_of": 5}
    assert await reads(2) == {"read": 4, "unread": 1, "mentions": 0, "as_of": 5}
    assert await reads(10**9) == {"read": 5, "unread": 0, "mentions": 0, "as_of": 5}
    assert (await bo.http.get("/rooms/den")).json()["read"] == 5


async def test_others_in_a_small_room_receive_the_read_marker(server: Server) -> None:
    await server.room("den", members=["bo"])
    bo, ana = await server.person("bo"), await server.joins("ana", "den")
    phone = await server.joins("bo", "den")

    await bo.http.put("/rooms/den/read", json={"seq": 2})

    for line in (ana, phone):
        heard = await line.hears("read")
        assert (heard["room"], heard["by"], heard["seq"]) == ("den", "bo", 2)


async def test_a_read_marker_reaches_a_lone_subscriber(server: Server) -> None:
    await server.room("den", members=["bo"])
    bo, ana = await server.person("bo"), await server.joins("ana", "den")

    await bo.http.put("/rooms/den/read", json={"seq": 2})

    assert (await ana.hears("read"))["by"] == "bo"


async def test_only_a_member_has_a_read_marker(server: Server) -> None:
    await server.room("den", kind=Kind.PRIVATE)
    eve = await server.person("eve")

    public = await eve.http.put("/rooms/general/read", json={"seq": 1})
    private = await eve.http.put("/rooms/den/read", json={"seq": 1})

    assert code(public) == (403, "forbidden")
    assert code(private) == (404, "room_not_found")


async def test_marking_as_unread_moves_the_own_marker_alone(server: Server) -> None:
    await server.room("den", members=["bo"])
    bo = await server.person("bo")
    for text, mentions in (("one", []), ("two @bo", ["bo"]), ("three", [])):
        await server.append(Send, "den", by="ana", text=text, mentions=mentions)
    ana = await server.joins("ana", "den")

    async def reads(seq: int, **how: Any) -> dict[str, int]:
        answer = await bo.http.put("/rooms/den/read", json={"seq": seq, **how})
        assert answer.status_code == 200
        return answer.json()

    await reads(5)
    assert (await ana.hears("read"))["seq"] == 5

    assert await reads(3, force=True) == {"read": 3, "unread": 2, "mentions": 1, "as_of": 5}
    assert (await bo.http.get("/rooms/den")).json()["read"] == 3
    assert await reads(2) == {"read": 3, "unread": 2, "mentions": 1, "as_of": 5}
    assert await reads(4) == {"read": 4, "unread": 1, "mentions": 0, "as_of": 5}
    await ana.nothing_more()
    assert [frame for frame in ana.heard if frame["type"] == "read" and frame["seq"] != 5] == []

    assert (await reads(10**9, force=True))["read"] == 5
    assert (await ana.hears("read"))["seq"] == 5


async def test_only_a_member_marks_as_unread(server: Server) -> None:
    eve = await server.person("eve")

    answer = await eve.http.put("/rooms/general/read", json={"seq": 1, "force": True})

    assert code(answer) == (403, "forbidden")


@pytest.mark.parametrize("force", [1, "true", None])
async def test_a_wrong_force_is_invalid(server: Server, force: Any) -> None:
    ana = await server.person("ana")
    body = {"seq": 1, "force": force}

    assert fields(await ana.http.put("/rooms/general/read", json=body)) == ["force"]


@pytest.mark.parametrize("seq", [-1, 2**53, 1.5, "1", True, None])
async def test_a_wrong_seq_is_invalid(server: Server, seq: Any) -> None:
    await server.room("den")
    ana = await server.person("ana")

    assert fields(await ana.http.put("/rooms/den/read", json={"seq": seq})) == ["seq"]


# Authentication


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/rooms"),
        ("POST", "/rooms"),
        ("PUT", "/rooms/direct/bo"),
        ("GET", "/rooms/general"),
        ("PATCH", "/rooms/general"),
        ("DELETE", "/rooms/general"),
        ("PUT", "/rooms/general/read"),
    ],
)
async def test_every_endpoint_needs_an_access_token(
    server: Server, method: str, path: str
) -> None:
    body = {"POST": {"name": "den", "kind": "public"}, "PATCH": {}}.get(method, {"seq": 1})
    given = {} if method in ("GET", "DELETE") else {"json": body}

    answer = await server.client.request(method, path, **given)

    assert code(answer) == (401, "unauthorized")
    assert answer.headers["cache-control"] == "no-store"


async def test_each_member_chooses_what_to_be_notified_of(server: Server) -> None:
    ana, bo = await server.person("ana"), await server.person("bo")
    await ana.http.post("/rooms", json={"name": "den", "kind": "public"})
    await bo.http.put("/rooms/den/members/bo")
    direct = (await ana.http.put("/rooms/direct/bo")).json()

    async def level(person: Any, room: str) -> object:
        return (await person.http.get(f"/rooms/{room}")).json()["notifications"]

    assert await level(bo, "den") == "mentions"
    assert await level(bo, direct["name"]) == "all"
    for chosen in ("none", "all", "all"):
        answer = await bo.http.put("/rooms/den/notifications", json={"level": chosen})
        assert (answer.status_code, answer.json()) == (200, {"level": chosen})
        assert await level(bo, "den") == chosen
    assert await level(ana, "den") == "mentions"

    # What someone has chosen is still there after they leave and come back.
    await bo.http.delete("/rooms/den/members/bo")
    assert await level(bo, "den") is None
    answer = await bo.http.put("/rooms/den/notifications", json={"level": "none"})
    assert code(answer) == (403, "forbidden")
    await bo.http.put("/rooms/den/members/bo")
    await bo.http.put("/rooms/den/members/bo")
    assert await level(bo, "den") == "all"


@pytest.mark.parametrize("level", ["some", "ALL", "", None, 1])
async def test_a_level_is_one_of_three(server: Server, level: object) -> None:
    ana = await server.person("ana")
    await ana.http.post("/rooms", json={"name": "den", "kind": "public"})

    answer = await ana.http.put("/rooms/den/notifications", json={"level": level})

    assert code(answer) == (422, "invalid")
