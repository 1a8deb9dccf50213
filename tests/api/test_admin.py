"""Administration over HTTP."""

from typing import Any

import pytest
from httpx2 import AsyncClient

from app.security.access_tokens import AccessTokens
from tests.api.people import PASSWORD, bearer, code, fields, log_in, person
from tests.harness.server import SECRET, Server

NEW = "battery staple horse"

# Every endpoint, with a valid body.
ENDPOINTS: list[tuple[str, str, Any]] = [
    ("GET", "/admin/users", None),
    ("POST", "/admin/users", {"username": "alice", "password": PASSWORD}),
    ("PUT", "/admin/users/bob/password", {"password": NEW}),
    ("PUT", "/admin/users/bob/disabled", None),
    ("DELETE", "/admin/users/bob/disabled", None),
    ("PUT", "/admin/users/bob/admin", None),
    ("DELETE", "/admin/users/bob/admin", None),
    ("POST", "/admin/users/bob/token", None),
    ("GET", "/admin/rooms", None),
    ("POST", "/admin/rooms", {"name": "kitchen"}),
    ("PUT", "/admin/rooms/general/archived", None),
    ("DELETE", "/admin/rooms/general/archived", None),
    ("PUT", "/admin/rooms/general/retention", {"events": 100}),
    ("DELETE", "/admin/rooms/general/retention", None),
    ("GET", "/admin/audit", None),
    ("PUT", "/admin/epoch", None),
]
everywhere = pytest.mark.parametrize(("method", "path", "body"), ENDPOINTS)


@pytest.fixture
async def admin(server: Server) -> dict[str, str]:
    """The header of an administrator."""
    return (await server.person("ada", is_admin=True)).bearer


@pytest.fixture
def operator(server: Server) -> dict[str, str]:
    """The header of the command line."""
    return bearer(AccessTokens(SECRET, [], minutes=15).operator(server.runtime.now()))


@everywhere
async def test_every_endpoint_needs_an_access_token(
    client: AsyncClient, method: str, path: str, body: Any
) -> None:
    answer = await client.request(method, path, json=body)

    assert code(answer) == (401, "unauthorized")
    assert answer.headers["www-authenticate"].startswith("Bearer")


@everywhere
async def test_an_ordinary_user_is_refused(
    server: Server, method: str, path: str, body: Any
) -> None:
    eve = await server.person("eve")

    assert code(await eve.http.request(method, path, json=body)) == (403, "forbidden")


@everywhere
async def test_an_administrator_and_the_operator_are_allowed(
    server: Server,
    client: AsyncClient,
    admin: dict[str, str],
    operator: dict[str, str],
    method: str,
    path: str,
    body: Any,
) -> None:
    await server.person("bob")

    first = await client.request(method, path, json=body, headers=admin)
    second = await client.request(method, path, json=body, headers=operator)

    assert first.is_success, first.text
    assert first.headers["cache-control"] == "no-store"
    assert second.is_success or code(second)[0] == 409


async def test_a_former_administrator_is_refused(
    client: AsyncClient, admin: dict[str, str]
) -> None:
    await client.post("/admin/users", json={"username": "eve", "admin": True}, headers=admin)
    assert (await client.delete("/admin/users/ada/admin", headers=admin)).status_code == 204

    assert code(await client.get("/admin/users", headers=admin)) == (403, "forbidden")


async def test_a_created_account_can_log_in(client: AsyncClient, admin: dict[str, str]) -> None:
    answer = await client.post(
        "/admin/users",
        json={
            "username": "Bob",
            "password": PASSWORD,
            "display_name": "Bob B.",
            "admin": True,
        },
        headers=admin,
    )

    assert answer.status_code == 201
    assert answer.headers["location"] == "/users/bob"
    account = answer.json()
    assert account == {
        "username": "bob",
        "display_name": "Bob B.",
        "is_admin": True,
        "created_at": account["created_at"],
        "disabled_at": None,
    }
    assert (await log_in(client, "bob")).status_code == 200


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        pytest.param({"username": "al"}, "username", id="a short name"),
        pytest.param({"password": "1234567"}, "password", id="a short password"),
        pytest.param({"admin": "yes"}, "admin", id="a word for a yes"),
        pytest.param({"is_admin": True}, "is_admin", id="an unknown field"),
    ],
)
async def test_a_wrong_account_names_the_field(
    client: AsyncClient, admin: dict[str, str], change: dict[str, Any], wrong: str
) -> None:
    body = {"username": "alice", "password": PASSWORD, **change}

    assert fields(await client.post("/admin/users", json=body, headers=admin)) == [wrong]


async def test_accounts_are_listed_in_pages(
    server: Server, client: AsyncClient, admin: dict[str, str]
) -> None:
    for name in ("bob", "bea", "carol"):
        await server.person(name)
    await client.put("/admin/users/bea/disabled", headers=admin)

    first = (await client.get("/admin/users?q=b&limit=1", headers=admin)).json()
    rest = await client.get(f"/admin/users?q=b&after={first['next']}", headers=admin)

    assert [user["username"] for user in first["users"]] == ["bea"]
    assert first["users"][0]["disabled_at"].endswith("Z")
    assert [user["username"] for user in rest.json()["users"]] == ["bob"]
    assert rest.json()["next"] is None


async def test_a_disabled_user_is_locked_out_until_enabled(
    client: AsyncClient, admin: dict[str, str]
) -> None:
    bob = await person(client, "bob")

    assert (await client.put("/admin/users/bob/disabled", headers=admin)).status_code == 200

    assert code(await client.get("/users/me", headers=bob)) == (401, "unauthorized")
    assert (await log_in(client, "bob")).status_code == 401
    for _ in range(2):
        again = await client.delete("/admin/users/bob/disabled", headers=admin)
        assert again.status_code == 204
    assert (await log_in(client, "bob")).status_code == 200


async def test_a_reset_password_replaces_the_old_one(
    client: AsyncClient, admin: dict[str, str]
) -> None:
    bob = await person(client, "bob")

    await client.put("/admin/users/bob/password", json={"password": NEW}, headers=admin)

    assert code(await client.get("/users/me", headers=bob)) == (401, "unauthorized")
    assert (await log_in(client, "bob")).status_code == 401
    assert (await log_in(client, "bob", NEW)).status_code == 200


async def test_a_host_product_starts_a_session(client: AsyncClient, admin: dict[str, str]) -> None:
    await client.post("/admin/users", json={"username": "guest"}, headers=admin)

    tokens = (await client.post("/admin/users/guest/token", headers=admin)).json()

    me = await client.get("/users/me", headers=bearer(tokens["access_token"]))
    assert me.json()["username"] == "guest"
    refreshed = await client.post(
        "/token",
        data={"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]},
    )
    assert refreshed.status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/admin/users/zoe/disabled"),
        ("DELETE", "/admin/users/zoe/disabled"),
        ("PUT", "/admin/users/zoe/admin"),
        ("POST", "/admin/users/zoe/token"),
    ],
)
async def test_an_unknown_user_is_not_found(
    client: AsyncClient, admin: dict[str, str], method: str, path: str
) -> None:
    answer = await client.request(method, path, headers=admin)

    assert code(answer) == (404, "user_not_found")


async def test_rooms_are_created_listed_archived_and_reopened(
    client: AsyncClient, admin: dict[str, str]
) -> None:
    body = {"name": "Kitchen", "title": "Food", "kind": "private", "owner": "ada"}

    made = await client.post("/admin/rooms", json=body, headers=admin)

    assert made.status_code == 201
    assert made.headers["location"] == "/rooms/kitchen"
    room = made.json()
    assert (room["name"], room["kind"], room["member_count"]) == ("kitchen", "private", 1)
    first = (await client.get("/admin/rooms?limit=1", headers=admin)).json()
    assert [found["name"] for found in first["rooms"]] == ["general"]
    rest = await client.get(f"/admin/rooms?after={first['next']}", headers=admin)
    assert rest.json() == {"rooms": [room], "next": None}
    for _ in range(2):
        archived = await client.put("/admin/rooms/kitchen/archived", headers=admin)
        assert archived.json()["archived"] is True
    assert (await client.delete("/admin/rooms/kitchen/archived", headers=admin)).status_code == 204
    again = (await client.get(f"/admin/rooms?after={first['next']}", headers=admin)).json()
    assert again["rooms"][0]["archived"] is False


async def test_a_taken_name_and_a_missing_room(client: AsyncClient, admin: dict[str, str]) -> None:
    taken = await client.post("/admin/rooms", json={"name": "general"}, headers=admin)
    missing = await client.put("/admin/rooms/attic/archived", headers=admin)

    assert code(taken) == (409, "room_exists")
    assert code(missing) == (404, "room_not_found")


async def test_an_unknown_parameter_is_invalid(client: AsyncClient, admin: dict[str, str]) -> None:
    assert fields(await client.get("/admin/rooms?limt=1", headers=admin)) == ["limt"]


async def test_a_new_epoch_takes_effect_at_once(
    server: Server, client: AsyncClient, operator: dict[str, str]
) -> None:
    before = server.runtime.log.epoch.name

    answer = await client.put("/admin/epoch", headers=operator)

    assert answer.json() == {"epoch": server.runtime.log.epoch.name}
    assert server.runtime.log.epoch.name != before


async def test_an_operators_token_works_only_for_administration(
    client: AsyncClient, operator: dict[str, str]
) -> None:
    assert code(await client.get("/users/me", headers=operator)) == (401, "unauthorized")
