"""Blocking users, over HTTP."""

import pytest

from tests.api.people import code
from tests.harness.server import Server


async def test_blocking_again_keeps_the_first_time(server: Server) -> None:
    bo, _ = await server.person("bo"), await server.person("eve")

    first = await bo.http.put("/users/me/blocks/EVE")
    server.clock.pass_time(seconds=60)
    again = await bo.http.put("/users/me/blocks/eve")

    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()
    assert list(first.json()) == ["user", "display_name", "blocked_at"]
    assert (first.json()["user"], first.json()["display_name"]) == ("eve", "Eve")
    listed = (await bo.http.get("/users/me/blocks")).json()
    assert listed == {"blocks": [first.json()], "next": None}


async def test_a_blocked_user_neither_opens_nor_writes_in_the_direct_room(server: Server) -> None:
    bo, eve = await server.person("bo"), await server.person("eve")
    room = (await eve.http.put("/rooms/direct/bo")).json()["name"]
    line = await server.joins("eve", room)

    await bo.http.put("/users/me/blocks/eve")

    assert code(await eve.http.put("/rooms/direct/bo")) == (403, "forbidden")
    assert (await line.ask("send", text="hello?"))["code"] == "forbidden"
    assert (await eve.http.get(f"/rooms/{room}")).status_code == 200
    assert (await bo.http.put("/rooms/direct/eve")).json()["name"] == room
    theirs = await server.joins("bo", room)
    assert (await theirs.ask("send", text="no"))["type"] == "ack"


async def test_a_blocked_user_cannot_create_the_direct_room(server: Server) -> None:
    bo, eve = await server.person("bo"), await server.person("eve")
    await bo.http.put("/users/me/blocks/eve")

    assert code(await eve.http.put("/rooms/direct/bo")) == (403, "forbidden")
    assert (await bo.http.put("/rooms/direct/eve")).status_code == 200


async def test_a_block_is_lifted(server: Server) -> None:
    bo, eve = await server.person("bo"), await server.person("eve")
    await bo.http.put("/users/me/blocks/eve")

    for _ in range(2):
        assert (await bo.http.delete("/users/me/blocks/eve")).status_code == 204

    assert (await eve.http.put("/rooms/direct/bo")).status_code == 200
    assert (await bo.http.get("/users/me/blocks")).json()["blocks"] == []


async def test_blocks_belong_to_one_user(server: Server) -> None:
    bo, eve = await server.person("bo"), await server.person("eve")
    await bo.http.put("/users/me/blocks/eve")

    assert (await eve.http.get("/users/me/blocks")).json()["blocks"] == []
    assert (await eve.http.delete("/users/me/blocks/bo")).status_code == 204
    assert len((await bo.http.get("/users/me/blocks")).json()["blocks"]) == 1


async def test_blocks_are_listed_by_name_in_pages(server: Server) -> None:
    bo = await server.person("bo")
    for name in ("max", "eve", "ana"):
        await server.person(name)
        await bo.http.put(f"/users/me/blocks/{name}")

    first = (await bo.http.get("/users/me/blocks?limit=2")).json()
    rest = (await bo.http.get(f"/users/me/blocks?limit=2&after={first['next']}")).json()

    assert [block["user"] for block in first["blocks"]] == ["ana", "eve"]
    assert [block["user"] for block in rest["blocks"]] == ["max"]
    assert rest["next"] is None


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_an_unknown_user_is_not_found(server: Server, method: str) -> None:
    bo = await server.person("bo")

    for name in ("unknown", "a b", "%00"):
        answer = await bo.http.request(method, f"/users/me/blocks/{name}")
        assert code(answer) == (404, "user_not_found")


async def test_users_cannot_block_themselves(server: Server) -> None:
    bo = await server.person("bo")

    assert code(await bo.http.put("/users/me/blocks/bo")) == (409, "conflict")


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("PUT", "/eve"), ("DELETE", "/eve")])
async def test_every_endpoint_needs_an_access_token(
    server: Server, method: str, path: str
) -> None:
    answer = await server.client.request(method, f"/users/me/blocks{path}")

    assert code(answer) == (401, "unauthorized")
