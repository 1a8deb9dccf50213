"""The den over HTTP: ana owns it, moe moderates it, bo is a member, eve is outside."""

from typing import Any

from httpx2 import Response

from app.domain.roles import Kind, Role
from tests.harness.server import Server

DEN = "/rooms/den"


async def open_den(server: Server, kind: Kind = Kind.PRIVATE) -> None:
    """Make it. The first message will be number 5."""
    await server.room("den", owner="ana", kind=kind)
    await server.admit("den", "moe", by="ana", role=Role.MODERATOR)
    await server.admit("den", "bo", by="ana")


async def ask(
    server: Server, who: str, method: str, path: str, /, key: str | None = None, **how: Any
) -> Response:
    """Have somebody ask for something in the den."""
    person = await server.person(who)
    if key is not None:
        how["headers"] = {"Idempotency-Key": key}
    return await person.http.request(method, DEN + path, **how)


async def says(server: Server, who: str, text: str = "hi", **what: Any) -> int:
    """Have somebody say something; its seq."""
    answer = await ask(server, who, "POST", "/messages", json={"text": text, **what})
    assert answer.status_code == 201, answer.text
    seq: int = answer.json()["seq"]
    return seq
