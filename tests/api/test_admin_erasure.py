"""Erasing accounts and reading the audit log, over HTTP."""

from typing import Any

import pytest

from app.domain.appends import Send
from tests.api.people import PASSWORD, code, fields, log_in, register
from tests.harness.server import Server, User


@pytest.fixture
async def admin(server: Server) -> User:
    return await server.person("ada", is_admin=True)


async def audit(admin: User) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = (await admin.http.get("/admin/audit")).json()["entries"]
    return entries


# Erasing


async def test_an_erased_account_is_gone_and_its_name_stays_taken(
    server: Server, admin: User
) -> None:
    await register(server.client, "bob")
    await server.room("den", owner="cyd")
    cyd = await server.person("cyd")

    assert (await admin.http.delete("/admin/users/Bob")).status_code == 204
    assert (await admin.http.delete("/admin/users/cyd")).status_code == 204

    assert (await log_in(server.client, "bob")).status_code == 401
    assert code(await cyd.http.get("/users/me")) == (401, "unauthorized")
    for name in ("bob", "cyd", f"deleted-{cyd.user}"):
        assert code(await admin.http.get(f"/users/{name}")) == (404, "user_not_found")
        again = await admin.http.delete(f"/admin/users/{name}")
        assert code(again) == (404, "user_not_found")
    listed = (await admin.http.get("/admin/users")).json()["users"]
    assert [user["username"] for user in listed] == ["ada"]
    assert code(await register(server.client, "bob")) == (409, "username_taken")


@pytest.mark.parametrize(
    ("query", "text"),
    [
        pytest.param("", "hi", id="kept unless asked"),
        pytest.param("?messages=keep", "hi", id="kept"),
        pytest.param("?messages=blank", None, id="blanked"),
    ],
)
async def test_messages_are_kept_or_blanked(
    server: Server, admin: User, query: str, text: str | None
) -> None:
    await server.room("den", members=["bo"])
    done = await server.append(Send, "den", by="bo", text="hi")
    bo = await server.person("bo")

    answer = await admin.http.delete(f"/admin/users/bo{query}")

    assert answer.status_code == 204
    message = (await admin.http.get(f"/rooms/den/messages/{done.seq}")).json()
    assert (message["by"], message["text"]) == (f"deleted-{bo.user}", text)


async def test_the_messages_parameter_has_two_values(admin: User) -> None:
    assert fields(await admin.http.delete("/admin/users/ada?messages=burn")) == ["messages"]
    assert (await admin.http.get("/users/me")).status_code == 200


async def test_an_unknown_account_is_not_found(admin: User) -> None:
    assert code(await admin.http.delete("/admin/users/zoe")) == (404, "user_not_found")
    assert await audit(admin) == []


async def test_only_administrators_erase_others(server: Server) -> None:
    eve, bo = await server.person("eve"), await server.person("bo")

    assert code(await eve.http.delete("/admin/users/bo")) == (403, "forbidden")
    assert code(await server.client.delete("/admin/users/bo")) == (401, "unauthorized")
    assert (await bo.http.get("/users/me")).status_code == 200


async def test_erasing_your_own_account_hands_over_its_rooms(server: Server) -> None:
    await register(server.client, "bob")
    token = (await log_in(server.client, "bob")).json()["access_token"]
    header = {"Authorization": f"Bearer {token}"}
    made = await server.client.post(
        "/rooms", json={"name": "den", "kind": "public"}, headers=header
    )
    assert made.status_code == 201
    ana = await server.person("ana")
    await ana.http.put("/rooms/den/members/ana", json={})

    body = {"password": PASSWORD}
    answer = await server.client.request("DELETE", "/users/me", json=body, headers=header)

    assert answer.status_code == 204
    members = (await ana.http.get("/rooms/den/members")).json()["members"]
    assert {m["user"]: m["role"] for m in members} == {"ana": "owner"}


# The audit log


async def test_every_action_is_listed_newest_first(server: Server, admin: User) -> None:
    await server.person("bo")
    await admin.http.post("/admin/users", json={"username": "cyd"})
    await admin.http.put("/admin/users/bo/disabled")
    await admin.http.put("/admin/rooms/general/retention", json={"days": 7})
    await admin.http.delete("/admin/rooms/general/retention")
    await admin.http.delete("/admin/users/bo?messages=blank")
    await server.runtime.admin.set_admin("cyd", True)

    entries = await audit(admin)

    assert [(e["by"], e["action"], e["target"], e["data"]) for e in entries] == [
        (None, "user.make_admin", "cyd", None),
        ("ada", "user.erase", "bo", {"messages": "blank"}),
        ("ada", "room.lift_retention", "general", None),
        ("ada", "room.set_retention", "general", {"days": 7}),
        ("ada", "user.disable", "bo", None),
        ("ada", "user.add", "cyd", None),
    ]
    assert all(entry["at"].endswith("Z") for entry in entries)


async def test_the_audit_log_is_paged(admin: User) -> None:
    for name in ("bea", "bob", "cyd"):
        await admin.http.post("/admin/users", json={"username": name})

    first = (await admin.http.get("/admin/audit?limit=2")).json()
    rest = (await admin.http.get("/admin/audit", params={"after": first["next"]})).json()

    assert [e["target"] for e in first["entries"]] == ["cyd", "bob"]
    assert [e["target"] for e in rest["entries"]] == ["bea"]
    assert rest["next"] is None
    assert fields(await admin.http.get("/admin/audit?after=nonsense")) == ["after"]


async def test_an_erased_administrator_is_listed_under_the_new_name(
    server: Server, admin: User
) -> None:
    root = await server.person("root", is_admin=True)
    await root.http.put("/admin/rooms/general/retention", json={"days": 7})

    await admin.http.delete("/admin/users/root")

    assert [e["by"] for e in await audit(admin)] == ["ada", f"deleted-{root.user}"]


async def test_failed_actions_are_not_listed(admin: User) -> None:
    await admin.http.put("/admin/rooms/attic/retention", json={"days": 1})
    await admin.http.put("/admin/users/zoe/disabled")

    assert await audit(admin) == []
