"""Invitations over HTTP."""

from typing import Any

import pytest

from app.domain.roles import Kind, Role
from tests.api.people import code, fields
from tests.harness.server import Server
from tests.harness.socket_client import together

GONE = (404, "invite_not_found")


@pytest.fixture
async def env(server: Server) -> None:
    """A private room with a moderator and a member."""
    await server.room("den", members=["mo", "bo"], kind=Kind.PRIVATE)
    await server.admit("den", "mo", by="ana", role=Role.MODERATOR)


async def invite(server: Server, by: str = "mo", **terms: Any) -> dict[str, Any]:
    """A new invitation to the room."""
    person = await server.person(by)
    made = await person.http.post("/rooms/den/invites", json=terms)
    assert made.status_code == 201, made.text
    return made.json()


async def accepts(server: Server, who: str, given: str) -> Any:
    return await (await server.person(who)).http.post(f"/invites/{given}")


async def shown(server: Server) -> list[dict[str, Any]]:
    """The usable invitations, as listed."""
    mo = await server.person("mo")
    return (await mo.http.get("/rooms/den/invites")).json()["invites"]


async def test_the_code_is_shown_once_and_not_stored(server: Server, env: None) -> None:
    mo = await server.person("mo")

    made = await mo.http.post("/rooms/DEN/invites", json={"expires_in": 60, "max_uses": 2})

    assert made.status_code == 201
    new = made.json()
    assert made.headers["location"] == f"/rooms/den/invites/{new['id']}"
    given = new.pop("code")
    assert len(given) == 43
    assert list(new) == ["id", "created_by", "created_at", "expires_at", "max_uses", "uses"]
    assert (new["created_by"], new["max_uses"], new["uses"]) == ("mo", 2, 0)
    assert await shown(server) == [new]


async def test_a_user_with_the_code_joins(server: Server, env: None) -> None:
    given = (await invite(server))["code"]
    ana, phone = await server.joins("ana", "den"), await server.connects("eve")
    await phone.hears("welcome")

    accepted = await accepts(server, "eve", given)

    assert accepted.status_code == 200
    room = accepted.json()
    assert (room["name"], room["role"], room["unread"]) == ("den", "member", 0)
    eve = await server.person("eve")
    assert (await eve.http.get("/rooms/den")).json() == room
    assert (await ana.hears("member.joined"))["user"] == "eve"
    assert (await phone.hears("added"))["room"] == "den"


async def test_a_member_does_not_use_an_invitation_up(server: Server, env: None) -> None:
    new = await invite(server, max_uses=1)

    for who in ("bo", "mo", "ana"):
        before = (await (await server.person(who)).http.get("/rooms/den")).json()
        assert (await accepts(server, who, new["code"])).json() == before

    assert [one["uses"] for one in await shown(server)] == [0]


async def test_the_last_use_is_given_once(server: Server, env: None) -> None:
    given = (await invite(server, max_uses=2))["code"]
    guests = [f"guest-{number}" for number in range(6)]
    for guest in guests:
        await server.person(guest)

    answers = await together(*(accepts(server, guest, given) for guest in guests))

    let_in = [answer for answer in answers if answer.status_code == 200]
    assert len(let_in) == 2
    assert {code(answer) for answer in answers if answer not in let_in} == {GONE}
    ana = await server.person("ana")
    members = (await ana.http.get("/rooms/den/members")).json()["members"]
    assert sum(member["user"] in guests for member in members) == 2
    assert await shown(server) == []


async def test_concurrent_requests_of_one_user_count_as_one_use(server: Server, env: None) -> None:
    given = (await invite(server, max_uses=2))["code"]
    await server.person("eve")

    answers = await together(*(accepts(server, "eve", given) for _ in range(4)))

    assert [answer.status_code for answer in answers] == [200] * 4
    assert [one["uses"] for one in await shown(server)] == [1]


async def test_an_invitation_expires(server: Server, env: None) -> None:
    given = (await invite(server, expires_in=60))["code"]
    server.clock.pass_time(seconds=30)
    assert (await accepts(server, "eve", given)).status_code == 200

    server.clock.pass_time(seconds=31)

    assert code(await accepts(server, "max", given)) == GONE
    assert await shown(server) == []


async def test_an_invitation_is_revoked(server: Server, env: None) -> None:
    new = await invite(server)
    mo = await server.person("mo")
    await accepts(server, "eve", new["code"])

    for _ in range(2):
        answer = await mo.http.delete(f"/rooms/den/invites/{new['id']}")
        assert answer.status_code == 204

    assert code(await accepts(server, "max", new["code"])) == GONE
    assert await shown(server) == []
    eve = await server.person("eve")
    assert (await eve.http.get("/rooms/den")).status_code == 200


async def test_an_invitation_to_another_room_is_not_revoked(server: Server, env: None) -> None:
    new = await invite(server)
    await server.room("cellar", owner="eve")
    eve = await server.person("eve")

    answer = await eve.http.delete(f"/rooms/cellar/invites/{new['id']}")

    assert answer.status_code == 204
    assert await shown(server) == [{k: v for k, v in new.items() if k != "code"}]


async def test_a_banned_user_cannot_tell_the_code_is_valid(server: Server, env: None) -> None:
    new = await invite(server, max_uses=1)
    mo, eve = await server.person("mo"), await server.person("eve")
    await mo.http.put("/rooms/den/members/eve/ban")

    assert code(await accepts(server, "eve", new["code"])) == GONE
    assert code(await eve.http.get("/rooms/den")) == (404, "room_not_found")
    assert [one["uses"] for one in await shown(server)] == [0]


@pytest.mark.parametrize("given", ["nothing", "x" * 43, "x" * 5_000, "%00", "💩"])
async def test_an_unknown_code_is_not_found(server: Server, given: str) -> None:
    assert code(await accepts(server, "eve", given)) == GONE


async def test_an_archived_room_cannot_be_joined(server: Server, env: None) -> None:
    new = await invite(server, max_uses=1)
    ana, mo = await server.person("ana"), await server.person("mo")
    await ana.http.delete("/rooms/den")

    assert code(await accepts(server, "eve", new["code"])) == (403, "forbidden")
    assert code(await mo.http.post("/rooms/den/invites")) == (403, "forbidden")
    assert [one["uses"] for one in await shown(server)] == [0]


async def test_who_may_invite(server: Server, env: None) -> None:
    await server.room("hall")
    bo, eve = await server.person("bo"), await server.person("eve")
    root = await server.person("root", is_admin=True)

    for person, room, expected in (
        (bo, "den", (403, "forbidden")),
        (eve, "den", (404, "room_not_found")),
        (root, "den", (404, "room_not_found")),
        (eve, "hall", (403, "forbidden")),
        (eve, "nothing", (404, "room_not_found")),
    ):
        for method, path in (("POST", ""), ("GET", ""), ("DELETE", "/1")):
            answer = await person.http.request(method, f"/rooms/{room}/invites{path}")
            assert code(answer) == expected, (person.name, room, method)
    assert (await root.http.post("/rooms/hall/invites")).status_code == 201
    assert len((await root.http.get("/rooms/hall/invites")).json()["invites"]) == 1


async def test_invitations_are_listed_newest_first_in_pages(server: Server, env: None) -> None:
    made = [(await invite(server))["id"] for _ in range(3)]
    mo = await server.person("mo")

    first = (await mo.http.get("/rooms/den/invites?limit=2")).json()
    rest = (await mo.http.get(f"/rooms/den/invites?limit=2&after={first['next']}")).json()

    assert [one["id"] for one in first["invites"] + rest["invites"]] == made[::-1]
    assert rest["next"] is None


@pytest.mark.parametrize(
    ("terms", "wrong"),
    [
        ({"expires_in": 0}, "expires_in"),
        ({"expires_in": 365 * 24 * 3600 + 1}, "expires_in"),
        ({"expires_in": "60"}, "expires_in"),
        ({"expires_in": 1.5}, "expires_in"),
        ({"max_uses": 0}, "max_uses"),
        ({"max_uses": 1_000_001}, "max_uses"),
        ({"max_uses": True}, "max_uses"),
        ({"code": "mine"}, "code"),
    ],
)
async def test_invalid_terms_name_the_field(
    server: Server, env: None, terms: dict[str, Any], wrong: str
) -> None:
    mo = await server.person("mo")

    assert fields(await mo.http.post("/rooms/den/invites", json=terms)) == [wrong]


@pytest.mark.parametrize("number", ["0", "-1", "x", str(2**53), "1.5"])
async def test_an_invalid_invitation_id(server: Server, env: None, number: str) -> None:
    mo = await server.person("mo")

    assert fields(await mo.http.delete(f"/rooms/den/invites/{number}")) == ["id"]
