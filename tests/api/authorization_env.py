"""Rooms of each kind with the users of :mod:`tests.api.matrix` in their roles."""

import asyncio
import secrets
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import quote

import sqlalchemy as sa

from app.domain.appends import (
    Admit,
    Append,
    Ban,
    CreateRoom,
    Edit,
    Mute,
    OpenDirect,
    Pin,
    Remove,
    Send,
)
from app.domain.ids import RoomId
from app.domain.roles import Kind, Role
from app.main import create_app
from app.store.tables import users
from tests.api.matrix import PASSWORD, PEOPLE, Case
from tests.harness.server import Server, User, settings


class Operation(NamedTuple):
    """An operation of the OpenAPI document."""

    id: str
    method: str
    path: str
    secured: bool

    @property
    def in_room(self) -> bool:
        """Whether it is about a room that the path names."""
        return self.path.startswith("/rooms/{room}")


@cache
def operations() -> dict[str, Operation]:
    """All operations, by id."""
    document = create_app(settings()).openapi()
    return {
        described["operationId"]: Operation(
            described["operationId"], method.upper(), path, bool(described.get("security"))
        )
        for path, methods in document["paths"].items()
        for method, described in methods.items()
    }


class Target(NamedTuple):
    """A room, and a message by tom in it."""

    room: str
    seq: int


NOWHERE = Target("nowhere", 6)
"""A room that does not exist."""


class AuthorizationEnv:
    """A server, the users of the matrix, and rooms to act on."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.code = "none"

    async def create_users(self) -> "AuthorizationEnv":
        """Create an account for each user."""
        for name in (*PEOPLE, "nina"):
            await self.server.person(name, is_admin=name == "root")
        # So that root is not the only administrator, who can't be erased.
        await self.server.person("rita", is_admin=True)
        return self

    async def set_passwords(self) -> None:
        """Give every account the same password."""
        hashed = await self.server.runtime.accounts.passwords.hash(PASSWORD)
        await self.server.database.write(
            lambda c: c.execute(sa.update(users).values(password_hash=hashed))
        )

    async def target(self, kind: str) -> Target:
        """A new room of this kind; for the direct room, a new message in it."""
        if kind == "direct":
            return await self._direct()
        name = f"{kind}-{secrets.token_hex(6)}"
        made = await self._append(CreateRoom, 0, "olga", name=name, title="", kind=Kind(kind))
        room = made.room
        ids = {who: await self._id(who) for who in PEOPLE}
        inside = {"mo": Role.MODERATOR, **dict.fromkeys(("mia", "moe", "tom", "rex", "ben"))}
        *_, said, _edited, _pinned = await asyncio.gather(
            *(
                self._append(Admit, room, "olga", user=ids[who], role=role)
                for who, role in inside.items()
            ),
            self._append(Mute, room, "olga", user=ids["moe"], on=True),
            self._append(Remove, room, "olga", user=ids["rex"]),
            self._append(Ban, room, "olga", user=ids["ben"], on=True),
            self._append(Send, room, "tom", text="hello"),
            # The seq in a new room: one event per append, and one for mo's role.
            self._append(Edit, room, "tom", ref=12, text="hello world"),
            self._append(Pin, room, "tom", ref=12, on=True),
        )
        assert said.seq == 12
        return Target(name, said.seq)

    async def invite(self, target: Target) -> None:
        """Create an invitation to the room, whose code replaces ``{code}`` from now on."""
        olga = await self.person("olga")
        made = await olga.http.post(f"/rooms/{target.room}/invites")
        self.code = made.json()["code"]

    async def person(self, name: str) -> User:
        """A user, by name."""
        return await self.server.person(name)

    async def ask(
        self, operation: Operation, case: Case, target: Target, who: str | None, **changed: Any
    ) -> Any:
        """Send the request as the user ``who``; None sends no access token."""
        headers = dict(case.headers)
        if who is not None:
            headers |= (await self.person(who)).bearer
        return await self.request(operation, case, target, who or "anonymous", headers, **changed)

    async def request(
        self,
        operation: Operation,
        case: Case,
        target: Target,
        me: str,
        headers: dict[str, str],
        *,
        body: Any = None,
        path: dict[str, str] | None = None,
    ) -> Any:
        """Send the request with these headers."""
        names = {"me": me, "room": target.room, "seq": str(target.seq)}
        usual = {"username": "tom", "emoji": "👍", "code": self.code, "id": "1"}
        parts = {**names, **usual, **case.path, **(path or {})}
        url = operation.path
        for part, value in parts.items():
            url = url.replace("{" + part + "}", quote(value.format(**names)))
        assert "{" not in url, f"no value for a parameter of {operation.path}"
        query = {name: value.format(**names) for name, value in case.query.items()}
        said: dict[str, Any] = {} if case.form is None else {"data": case.form}
        if body is not None or case.body is not None:
            said = {"json": _about(me, case.body if body is None else body)}
        return await self.server.client.request(
            operation.method, url, params=query, headers=headers, **said
        )

    # Internal

    async def _direct(self) -> Target:
        opened = await self._append(
            OpenDirect, 0, "tom", user=await self._id("mia"), name=f"dm-{secrets.token_hex(10)}"
        )
        room = opened.room
        said = await self._append(Send, room, "tom", text="hello")
        await self._append(Edit, room, "tom", ref=said.seq, text="hello world")
        await self._append(Pin, room, "tom", ref=said.seq, on=True)
        name = await self.server.database.read(
            lambda c: c.execute(
                sa.text("SELECT name FROM rooms WHERE id = :id"), {"id": room}
            ).scalar_one()
        )
        return Target(name, said.seq)

    async def _append(self, asked: type[Append], room: int, by: str, **what: Any) -> Any:
        user = await self._id(by)
        return await self.server.runtime.log.committer.append(
            asked(room=RoomId(room), by=user, at=self.server.clock(), **what)
        )

    async def _id(self, name: str) -> Any:
        return (await self.server.person(name)).user


def _about(me: str, body: Any) -> Any:
    if not isinstance(body, dict):
        return body
    return {k: v.replace("{me}", me) if isinstance(v, str) else v for k, v in body.items()}
