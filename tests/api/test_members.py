"""Members over HTTP: joining, adding, roles, leaving, bans and mutes."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.domain.roles import Kind, Role
from tests.api.people import code, fields
from tests.harness.server import Server
from tests.harness.socket_client import SocketClient

FOREVER = "9999-12-31T23:59:59.999Z"


def in_minutes(server: Server, minutes: float) -> str:
    """A time relative to the server's clock, in ISO 8601."""
    now = datetime.fromtimestamp(server.clock() / 1000, UTC)
    return (now + timedelta(minutes=minutes)).isoformat()


async def people(server: Server, *names: str) -> list[Any]:
    return [await server.person(name) for name in names]


async def roles(person: Any, room: str = "den") -> dict[str, str]:
    """The members of the room and their roles, as a user sees them."""
    answer = await person.http.get(f"/rooms/{room}/members")
    assert answer.status_code == 200, answer.text
    return {member["user"]: member["role"] for member in answer.json()["members"]}


async def room_of_four(server: Server, kind: Kind = Kind.PUBLIC) -> None:
    await server.room("den", members=["bo", "bea"], kind=kind)
    await server.admit("den", "mo", by="ana", role=Role.MODERATOR)


# Reading


async def test_members_are_listed_by_name_in_pages(server: Server) -> None:
    await room_of_four(server)
    (eve,) = await people(server, "eve")

    first = (await eve.http.get("/rooms/den/members?limit=3")).json()
    rest = (await eve.http.get(f"/rooms/den/members?limit=3&after={first['next']}")).json()

    assert [member["user"] for member in first["members"]] == ["ana", "bea", "bo"]
    assert [member["user"] for member in rest["members"]] == ["mo"]
    assert rest["next"] is None
    ana = first["members"][0]
    assert list(ana) == ["user", "display_name", "role", "joined_at", "muted_until"]
    assert (ana["display_name"], ana["role"], ana["muted_until"]) == ("Ana", "owner", None)
    assert (await eve.http.get("/rooms/den/members/ANA")).json() == ana


async def test_members_of_a_private_room_are_for_members(server: Server) -> None:
    await room_of_four(server, Kind.PRIVATE)
    bo, eve = await people(server, "bo", "eve")

    assert set(await roles(bo)) == {"ana", "bea", "bo", "mo"}
    for path in ("", "/bo", "/unknown"):
        answer = await eve.http.get(f"/rooms/den/members{path}")
        assert code(answer) == (404, "room_not_found")


async def test_a_user_who_is_not_a_member_is_not_found(server: Server) -> None:
    await room_of_four(server)
    bo, _ = await people(server, "bo", "eve")

    for name in ("eve", "unknown", "a b"):
        answer = await bo.http.get(f"/rooms/den/members/{name}")
        assert code(answer) == (404, "user_not_found")


# Joining and adding


@pytest.mark.parametrize("body", [{}, {"json": {}}, {"json": None}, {"json": {"role": None}}])
async def test_a_user_joins_a_public_room_with_their_own_name(server: Server, body: Any) -> None:
    await server.room("den")
    eve, ana = await server.person("eve"), await server.joins("ana", "den")

    joined = await eve.http.put("/rooms/den/members/EVE", **body)
    again = await eve.http.put("/rooms/den/members/eve", **body)

    assert joined.status_code == again.status_code == 200
    assert joined.json() == again.json()
    assert (joined.json()["user"], joined.json()["role"]) == ("eve", "member")
    assert (await ana.hears("member.joined"))["user"] == "eve"
    await ana.nothing_more()


async def test_a_private_room_is_joined_by_being_added(server: Server) -> None:
    await room_of_four(server, Kind.PRIVATE)
    mo, bo, eve = await people(server, "mo", "bo", "eve")
    phone = await server.connects("eve")
    await phone.hears("welcome")

    by_oneself = await eve.http.put("/rooms/den/members/eve")
    by_a_member = await bo.http.put("/rooms/den/members/eve")
    by_a_moderator = await mo.http.put("/rooms/den/members/eve")

    assert code(by_oneself) == (404, "room_not_found")
    assert code(by_a_member) == (403, "forbidden")
    assert by_a_moderator.json()["role"] == "member"
    added = await phone.hears("added")
    assert (added["room"], added["kind"], added["by"]) == ("den", "private", "mo")
    assert "eve" in await roles(eve)


async def test_a_hidden_room_is_not_revealed_by_usernames(server: Server) -> None:
    await room_of_four(server, Kind.PRIVATE)
    (eve,) = await people(server, "eve")

    for method, path in (
        ("PUT", ""),
        ("DELETE", ""),
        ("PUT", "/ban"),
        ("DELETE", "/ban"),
        ("PUT", "/mute"),
        ("DELETE", "/mute"),
    ):
        answers = [
            (await eve.http.request(method, f"/rooms/{room}/members/{name}{path}")).json()
            for room in ("den", "nothing")
            for name in ("bo", "eve", "unknown", "a b")
        ]
        assert {answer["code"] for answer in answers} == {"room_not_found"}
        assert all(answer == answers[0] for answer in answers)


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"role": "king"}, "role"),
        ({"role": 1}, "role"),
        ({"rôle": "member"}, "rôle"),
        ([], "body"),
    ],
)
async def test_an_invalid_role_names_the_field(server: Server, body: Any, wrong: str) -> None:
    await server.room("den")
    (ana,) = await people(server, "ana")

    assert fields(await ana.http.put("/rooms/den/members/ana", json=body)) == [wrong]


# Roles


async def test_an_owner_sets_roles(server: Server) -> None:
    await room_of_four(server)
    ana, mo, bo = await people(server, "ana", "mo", "bo")
    line = await server.joins("bo", "den")

    by_mo = await mo.http.put("/rooms/den/members/bo", json={"role": "moderator"})
    by_ana = await ana.http.put("/rooms/den/members/bo", json={"role": "moderator"})

    assert code(by_mo) == (403, "forbidden")
    assert by_ana.json()["role"] == "moderator"
    heard = await line.hears("member.updated")
    assert (heard["user"], heard["role"], heard["by"]) == ("bo", "moderator", "ana")
    assert (await bo.http.get("/rooms/den")).json()["role"] == "moderator"


async def test_ownership_is_handed_over_and_never_lost(server: Server) -> None:
    await room_of_four(server)
    ana, bo = await people(server, "ana", "bo")

    alone = [
        await ana.http.put("/rooms/den/members/ana", json={"role": "member"}),
        await ana.http.delete("/rooms/den/members/ana"),
    ]
    await ana.http.put("/rooms/den/members/bo", json={"role": "owner"})
    left = await ana.http.delete("/rooms/den/members/ana")

    assert [code(answer) for answer in alone] == [(409, "conflict")] * 2
    assert left.status_code == 204
    assert await roles(bo) == {"bo": "owner", "bea": "member", "mo": "moderator"}


# Leaving and removing


async def test_leaving_ends_the_subscription(server: Server) -> None:
    await room_of_four(server, Kind.PRIVATE)
    bo, line = await server.person("bo"), await server.joins("bo", "den")

    left = await bo.http.delete("/rooms/den/members/bo")

    assert left.status_code == 204
    assert (await line.hears("member.left"))["reason"] == "left"
    assert (await line.hears("removed"))["reason"] == "left"
    assert code(await bo.http.delete("/rooms/den/members/bo")) == (404, "room_not_found")


async def test_removing_is_idempotent(server: Server) -> None:
    await room_of_four(server)
    mo, bo, eve = await people(server, "mo", "bo", "eve")

    assert code(await eve.http.delete("/rooms/den/members/bo")) == (403, "forbidden")
    assert code(await bo.http.delete("/rooms/den/members/bea")) == (403, "forbidden")
    for _ in range(2):
        assert (await mo.http.delete("/rooms/den/members/bo")).status_code == 204
    assert code(await mo.http.delete("/rooms/den/members/ana")) == (403, "forbidden")
    assert code(await mo.http.delete("/rooms/den/members/unknown")) == (404, "user_not_found")
    assert (await eve.http.delete("/rooms/den/members/eve")).status_code == 204
    assert set(await roles(mo)) == {"ana", "bea", "mo"}


# Bans


async def receives_the_ban(line: SocketClient) -> None:
    assert (await line.hears("member.left"))["reason"] == "banned"
    assert (await line.hears("removed"))["reason"] == "banned"


async def test_a_ban_ends_access_until_it_expires(server: Server) -> None:
    await room_of_four(server)
    mo, bo = await people(server, "mo", "bo")
    line = await server.joins("bo", "den")

    banned = await mo.http.put("/rooms/den/members/bo/ban", json={"until": in_minutes(server, 5)})

    assert banned.status_code == 200
    assert list(banned.json()) == ["user", "banned_until"]
    assert banned.json()["user"] == "bo"
    await receives_the_ban(line)
    for method, path in (("GET", ""), ("GET", "/members"), ("PUT", "/members/bo")):
        assert code(await bo.http.request(method, f"/rooms/den{path}")) == (403, "banned")
    assert code(await mo.http.put("/rooms/den/members/bo")) == (409, "conflict")
    server.clock.pass_time(seconds=301)
    assert (await bo.http.get("/rooms/den")).json()["member"] is None
    assert (await bo.http.put("/rooms/den/members/bo")).status_code == 200


async def test_a_ban_without_an_end_is_lifted(server: Server) -> None:
    await room_of_four(server)
    mo, eve = await people(server, "mo", "eve")

    banned = await mo.http.put("/rooms/den/members/eve/ban")

    assert banned.json() == {"user": "eve", "banned_until": FOREVER}
    assert code(await eve.http.get("/rooms/den")) == (403, "banned")
    for _ in range(2):
        assert (await mo.http.delete("/rooms/den/members/eve/ban")).status_code == 204
    assert (await eve.http.get("/rooms/den")).status_code == 200


async def test_users_who_cannot_be_banned(server: Server) -> None:
    await room_of_four(server)
    ana, mo, bo, eve = await people(server, "ana", "mo", "bo", "eve")

    for person, whom, expected in (
        (bo, "bea", (403, "forbidden")),
        (eve, "bea", (403, "forbidden")),
        (mo, "ana", (403, "forbidden")),
        (mo, "mo", (409, "conflict")),
        (ana, "ana", (409, "conflict")),
        (ana, "unknown", (404, "user_not_found")),
    ):
        answer = await person.http.put(f"/rooms/den/members/{whom}/ban")
        assert code(answer) == expected, (person.name, whom)


@pytest.mark.parametrize("what", ["ban", "mute"])
@pytest.mark.parametrize(
    "until",
    [
        "2001-01-01T00:00:00Z",
        "2031-01-01T00:00:00",
        "2031-01-01",
        "9999-12-31T23:59:59.999-23:59",
        "tomorrow",
        "2031-13-01T00:00:00Z",
        "",
        "\ud800",
        1_900_000_000,
        1.5,
        True,
        [],
    ],
)
async def test_an_invalid_time_names_the_field(server: Server, what: str, until: Any) -> None:
    await room_of_four(server)
    (mo,) = await people(server, "mo")

    answer = await mo.http.put(
        f"/rooms/den/members/bo/{what}",
        content=_json({"until": until}),
        headers={"Content-Type": "application/json"},
    )

    assert fields(answer) == ["until"]
    assert (await mo.http.get("/rooms/den/members/bo")).json()["muted_until"] is None


@pytest.mark.parametrize(
    ("until", "shown"),
    [
        ("2999-01-01T00:00:00Z", "2999-01-01T00:00:00.000Z"),
        ("2999-01-01T00:00:00.1239+02:00", "2998-12-31T22:00:00.123Z"),
        ("9999-12-31T23:59:59.999Z", FOREVER),
        (None, FOREVER),
    ],
)
async def test_times_are_accepted_in_several_formats(
    server: Server, until: Any, shown: str
) -> None:
    await room_of_four(server)
    (mo,) = await people(server, "mo")

    ban = await mo.http.put("/rooms/den/members/bo/ban", json={"until": until})
    mute = await mo.http.put("/rooms/den/members/bea/mute", json={"until": until})

    assert (ban.json()["banned_until"], mute.json()["muted_until"]) == (shown, shown)


# Mutes


async def test_a_mute_is_shown_until_it_expires(server: Server) -> None:
    await room_of_four(server)
    mo, bo = await people(server, "mo", "bo")
    line = await server.joins("bo", "den")

    muted = await mo.http.put("/rooms/den/members/bo/mute", json={"until": in_minutes(server, 5)})

    assert muted.status_code == 200
    assert (await line.hears("member.updated"))["muted_until"] == muted.json()["muted_until"]
    assert (await line.ask("send", text="hm"))["code"] == "muted"
    assert (await bo.http.get("/rooms/den/members/bo")).json() == muted.json()
    server.clock.pass_time(seconds=301)
    listed = (await bo.http.get("/rooms/den/members")).json()["members"]
    assert [member["muted_until"] for member in listed] == [None] * 4


async def test_a_mute_is_lifted(server: Server) -> None:
    await room_of_four(server)
    (mo,) = await people(server, "mo")

    await mo.http.put("/rooms/den/members/bo/mute")
    for _ in range(2):
        assert (await mo.http.delete("/rooms/den/members/bo/mute")).status_code == 204

    assert (await mo.http.get("/rooms/den/members/bo")).json()["muted_until"] is None


async def test_users_who_cannot_be_muted(server: Server) -> None:
    await room_of_four(server)
    mo, bo, _ = await people(server, "mo", "bo", "eve")

    assert code(await bo.http.put("/rooms/den/members/bea/mute")) == (403, "forbidden")
    assert code(await mo.http.put("/rooms/den/members/eve/mute")) == (409, "conflict")
    assert code(await mo.http.put("/rooms/den/members/unknown/mute")) == (404, "user_not_found")
    assert (await mo.http.delete("/rooms/den/members/eve/mute")).status_code == 204


# Direct and archived rooms


async def test_members_of_a_direct_room_cannot_change(server: Server) -> None:
    bo, eve = await people(server, "bo", "eve")
    name = (await bo.http.put("/rooms/direct/eve")).json()["name"]

    assert await roles(bo, name) == {"bo": "member", "eve": "member"}
    for method, path in (
        ("PUT", "/ana"),
        ("DELETE", "/bo"),
        ("DELETE", "/eve"),
        ("PUT", "/eve/ban"),
        ("PUT", "/eve/mute"),
    ):
        await server.person("ana")
        answer = await bo.http.request(method, f"/rooms/{name}/members{path}")
        assert code(answer) == (403, "forbidden"), path
    assert set(await roles(eve, name)) == {"bo", "eve"}


async def test_in_an_archived_room_members_can_only_leave(server: Server) -> None:
    await room_of_four(server)
    ana, bo, eve = await people(server, "ana", "bo", "eve")
    await ana.http.delete("/rooms/den")

    assert code(await eve.http.put("/rooms/den/members/eve")) == (403, "forbidden")
    for method, path in (("DELETE", "/mo"), ("PUT", "/mo/ban"), ("PUT", "/mo/mute")):
        answer = await ana.http.request(method, f"/rooms/den/members{path}")
        assert code(answer) == (403, "forbidden"), path
    assert (await bo.http.delete("/rooms/den/members/bo")).status_code == 204
    assert await roles(eve) == {"ana": "owner", "bea": "member", "mo": "moderator"}


def _json(body: dict[str, Any]) -> bytes:
    # Unlike the client, this writes a lone surrogate as an escape.
    return json.dumps(body).encode()
