"""Accounts over HTTP."""

from typing import Any

import pytest
from httpx2 import AsyncClient

from tests.api.people import PASSWORD, bearer, code, fields, log_in, person, register

NEW = "battery staple horse"


async def test_registering_returns_the_user_and_its_location(client: AsyncClient) -> None:
    answer = await client.post(
        "/users", json={"username": "Alice", "password": PASSWORD, "display_name": "Alice L."}
    )

    assert answer.status_code == 201
    assert answer.headers["location"] == "/users/alice"
    user = answer.json()
    assert user.keys() == {"username", "display_name", "created_at"}
    assert (user["username"], user["display_name"]) == ("alice", "Alice L.")
    assert user["created_at"].endswith("Z")
    found = await client.get("/users/ALICE", headers=await person(client, "bob"))
    assert found.json() == user


async def test_a_taken_name_is_a_conflict(client: AsyncClient) -> None:
    await register(client, "alice")

    assert code(await register(client, "ALICE")) == (409, "username_taken")


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        pytest.param({"username": "al"}, "username", id="a short name"),
        pytest.param({"username": "me!"}, "username", id="a name with a mark"),
        pytest.param({"username": "operator"}, "username", id="a reserved name"),
        pytest.param({"username": 5}, "username", id="a number"),
        pytest.param({"username": None}, "username", id="null"),
        pytest.param({"password": "1234567"}, "password", id="a short password"),
        pytest.param({"password": "password1"}, "password", id="a common password"),
        pytest.param({"password": "alice alice"}, "password", id="the name in the password"),
        pytest.param({"password": ["x" * 8]}, "password", id="a list"),
        pytest.param({"display_name": ""}, "display_name", id="an empty display name"),
        pytest.param({"display_name": "a\0b"}, "display_name", id="NUL"),
        pytest.param({"is_admin": True}, "is_admin", id="an unknown field"),
        pytest.param({"id": 1}, "id", id="another"),
    ],
)
async def test_a_wrong_field_is_named_and_not_repeated(
    client: AsyncClient, change: dict[str, Any], wrong: str
) -> None:
    body = {"username": "alice", "password": PASSWORD, **change}

    answer = await client.post("/users", json=body)

    assert fields(answer) == [wrong]
    assert PASSWORD not in answer.text


async def test_missing_fields_are_all_named(client: AsyncClient) -> None:
    assert fields(await client.post("/users", json={})) == ["username", "password"]


@pytest.mark.parametrize("field", ["username", "password", "display_name"])
async def test_a_lone_surrogate_is_invalid(client: AsyncClient, field: str) -> None:
    values = {"username": '"alice"', "password": f'"{PASSWORD}"', field: '"\\ud800 abcdefgh"'}
    body = "{" + ", ".join(f'"{name}": {value}' for name, value in values.items()) + "}"

    answer = await client.post(
        "/users", content=body.encode(), headers={"Content-Type": "application/json"}
    )

    assert fields(answer) == [field]


async def test_your_account_is_shown_and_changed(client: AsyncClient) -> None:
    alice = await person(client, "alice")

    changed = await client.patch("/users/me", headers=alice, json={"display_name": " Al "})
    same = await client.patch("/users/me", headers=alice, json={})
    shown = await client.get("/users/me", headers=alice)

    assert changed.status_code == same.status_code == shown.status_code == 200
    assert changed.json() == same.json() == shown.json()
    assert shown.json().keys() == {"username", "display_name", "created_at", "is_admin"}
    assert (shown.json()["display_name"], shown.json()["is_admin"]) == ("Al", False)


async def test_changing_the_password_needs_the_old_one(client: AsyncClient) -> None:
    alice = await person(client, "alice")
    phone = bearer((await log_in(client, "alice")).json()["access_token"])
    change = {"password": NEW, "current_password": PASSWORD}

    wrong = await client.patch(
        "/users/me", headers=alice, json={**change, "current_password": "x"}
    )
    half = await client.patch("/users/me", headers=alice, json={"password": NEW})
    right = await client.patch("/users/me", headers=alice, json=change)

    assert code(wrong) == (403, "forbidden")
    assert fields(half) == ["current_password"]
    assert right.status_code == 200
    assert (await client.get("/users/me", headers=alice)).status_code == 200
    assert code(await client.get("/users/me", headers=phone)) == (401, "unauthorized")
    assert (await log_in(client, "alice", NEW)).status_code == 200


async def test_erasing_your_account_needs_the_password(client: AsyncClient) -> None:
    alice, bob = await person(client, "alice"), await person(client, "bob")

    async def leave(body: dict[str, str]) -> Any:
        return await client.request("DELETE", "/users/me", headers=alice, json=body)

    assert fields(await leave({})) == ["password"]
    assert code(await leave({"password": "wrong"})) == (403, "forbidden")
    assert (await leave({"password": PASSWORD})).status_code == 204

    assert code(await client.get("/users/me", headers=alice)) == (401, "unauthorized")
    assert code(await client.get("/users/alice", headers=bob)) == (404, "user_not_found")
    assert code(await log_in(client, "alice")) == (401, "unauthorized")


async def test_users_are_found_by_prefix_in_pages(client: AsyncClient) -> None:
    alice = await person(client, "alice")
    for name in ("alan", "albert", "bob"):
        await register(client, name)

    first = (await client.get("/users?q=AL&limit=2", headers=alice)).json()
    rest = (await client.get(f"/users?q=al&limit=2&after={first['next']}", headers=alice)).json()

    assert [user["username"] for user in first["users"]] == ["alan", "albert"]
    assert [user["username"] for user in rest["users"]] == ["alice"]
    assert rest["next"] is None
    assert (await client.get("/users?q=%25", headers=alice)).json() == {"users": [], "next": None}


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=-1", "limit"),
        ("limit=x", "limit"),
        ("limit=1&limit=2", "limit"),
        ("after=nonsense", "after"),
        ("after=", "after"),
        ("after=W10=", "after"),
        ("after=WyJzZXNzaW9ucyIsIDFd", "after"),
        ("after=%F0%9F%92%A9", "after"),
        ("after=" + "x" * 500, "after"),
        ("limt=10", "limt"),
        ("q=" + "x" * 101, "q"),
    ],
)
async def test_an_invalid_query_names_the_field(
    client: AsyncClient, query: str, wrong: str
) -> None:
    assert fields(await client.get(f"/users?{query}", headers=await person(client, "alice"))) == [
        wrong
    ]


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
async def test_unknown_query_parameters_are_refused(client: AsyncClient, method: str) -> None:
    alice = await person(client, "alice")

    answer = await client.request(method, "/users/me?verbose=1", headers=alice)

    assert fields(answer) == ["verbose"]


@pytest.mark.parametrize("name", ["unknown", "a b", "%00", "%ff", "x" * 300, "deleted-1"])
async def test_an_unknown_user_is_not_found(client: AsyncClient, name: str) -> None:
    answer = await client.get(f"/users/{name}", headers=await person(client, "alice"))

    assert answer.status_code == 404


async def test_finding_users_needs_an_access_token(client: AsyncClient) -> None:
    await register(client, "alice")

    for method, path in (
        ("GET", "/users"),
        ("GET", "/users/alice"),
        ("GET", "/users/me"),
        ("PATCH", "/users/me"),
        ("DELETE", "/users/me"),
        ("GET", "/users/me/sessions"),
        ("DELETE", "/users/me/sessions"),
        ("DELETE", "/users/me/sessions/1"),
    ):
        body = (
            {"json": {"password": PASSWORD}} if method == "DELETE" and path == "/users/me" else {}
        )
        body = {"json": {}} if method == "PATCH" else body
        assert code(await client.request(method, path, **body)) == (401, "unauthorized")
