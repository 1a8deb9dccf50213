"""A room over HTTP: ana owns it, moe moderates it, bo is a member, eve is not."""

from typing import Any

from httpx2 import Response

from app.domain.roles import Kind, Role
from tests.harness.server import Server

ROOM = "/rooms/den"


async def open_env(server: Server, kind: Kind = Kind.PRIVATE) -> None:
    """Create the room. Its first message will have the seq 5."""
    await server.room("den", owner="ana", kind=kind)
    await server.admit("den", "moe", by="ana", role=Role.MODERATOR)
    await server.admit("den", "bo", by="ana")


async def request(
    server: Server, who: str, method: str, path: str, /, key: str | None = None, **how: Any
) -> Response:
    """Send a request about the room as the user ``who``."""
    person = await server.person(who)
    if key is not None:
        how["headers"] = {"Idempotency-Key": key}
    return await person.http.request(method, ROOM + path, **how)


async def send_message(server: Server, who: str, text: str = "hi", **what: Any) -> int:
    """Send a message as the user ``who``, and return its seq."""
    answer = await request(server, who, "POST", "/messages", json={"text": text, **what})
    assert answer.status_code == 201, answer.text
    seq: int = answer.json()["seq"]
    return seq
