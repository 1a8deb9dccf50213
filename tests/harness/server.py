"""
A server in the test's own loop: no port, no thread, and whatever the test wants for a clock.

    server = …                                    the fixture
    den = await server.room("den", owner="ana", members=["bo"])
    ana = await server.joins("ana", "den")        a connected, caught-up client
    await ana.ask("send", text="hi")

People are made when they are first named. Unless a test says otherwise ana owns, bo is a
member, and eve is outside.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient

from app.broker.base import Broker
from app.broker.memory import MemoryBroker
from app.config.settings import Settings
from app.domain.appends import Admit, Append, Committed, CreateRoom
from app.domain.ids import Millis, RoomId, SessionId, UserId
from app.domain.roles import Kind, Role
from app.domain.sessions import SessionsRevoked
from app.main import create_app
from app.runtime import Limits, Runtime, clock, open_runtime
from app.security.access_tokens import AccessTokens
from app.services.log.transactions import Effects
from app.store import sessions, users
from app.store.database import Database
from tests.harness.socket_client import SocketClient
from tests.harness.sockets import AsgiSocket

SECRET = "a-secret-of-the-tests-5cbd6a4e2f9b"
HOST = "parley.test"

DAY_MS = 24 * 60 * 60 * 1000


@dataclass
class Person:
    """Somebody with an account and a log-in."""

    name: str
    user: UserId
    session: SessionId
    token: str
    http: AsyncClient = field(repr=False)
    """The server's HTTP API, as this person."""

    @property
    def bearer(self) -> dict[str, str]:
        """The header that says who calls."""
        return {"Authorization": f"Bearer {self.token}"}


class Clock:
    """A clock that stands still until a test moves it, so that a slow machine changes nothing."""

    def __init__(self) -> None:
        self._now = clock()

    def __call__(self) -> Millis:
        return self._now

    def pass_time(self, *, seconds: float) -> None:
        """Let so much time pass at once."""
        self._now = Millis(self._now + int(seconds * 1000))


class Server:
    """A running server, and the people who use it."""

    def __init__(
        self,
        app: FastAPI,
        settings: Settings,
        runtime: Runtime,
        client: AsyncClient,
        clock: Clock,
    ) -> None:
        self.settings = settings
        self.app = app
        self.runtime = runtime
        self.database: Database = runtime.database
        self.client = client
        """The HTTP API, for somebody without a name."""
        self.clock = clock
        self._tokens = AccessTokens(SECRET, [], settings.access_token_minutes)
        self._people: dict[str, Person] = {}
        self._moving_in = asyncio.Lock()
        self._log_ins = 0
        self._rooms: dict[str, RoomId] = {"general": RoomId(1)}
        self._lines: list[SocketClient] = []
        self._clients: list[AsyncClient] = []

    # People

    async def person(self, name: str, *, is_admin: bool = False) -> Person:
        """Who is called ``name``; made, without the wait for a password's hash, if new."""
        async with self._moving_in:
            found = self._people.get(name)
            if found is None:
                user, session = await self.database.write(
                    lambda c: self._move_in(c, name, is_admin=is_admin)
                )
                token = self._tokens.issue(user, session, self.clock())
                found = self._people[name] = self._present(name, user, session, token)
            return found

    async def logs_in(self, name: str) -> Person:
        """The same person with another log-in."""
        person = await self.person(name)
        session = await self.database.write(lambda c: self._log_in(c, person.user, name))
        token = self._tokens.issue(person.user, session, self.clock())
        return self._present(name, person.user, session, token)

    def token(self, person: Person, *, minutes: int = 15) -> str:
        """Another access token of the same log-in."""
        return AccessTokens(SECRET, [], minutes).issue(person.user, person.session, self.clock())

    async def logs_out(self, person: Person) -> None:
        """End this log-in."""
        at, user, session = self.clock(), person.user, person.session
        await self.runtime.log.transactions.write(
            lambda c: (
                None,
                Effects(
                    sessions_revoked=[
                        SessionsRevoked(user, s) for s in sessions.end(c, user, [session], at)
                    ]
                ),
            )
        )

    def shares_people_with(self, other: "Server") -> None:
        """Be another node of the same installation, or this one after a restart."""
        self._people, self._rooms = other._people, other._rooms

    # Rooms

    async def room(
        self,
        name: str,
        *,
        owner: str = "ana",
        members: Iterable[str] = (),
        kind: Kind | str = Kind.PUBLIC,
    ) -> RoomId:
        """Make a room and its members."""
        done = await self.append(
            CreateRoom, None, by=owner, name=name, title=name.title(), kind=Kind(kind)
        )
        self._rooms[name] = done.room
        for member in members:
            await self.admit(name, member, by=owner)
        return done.room

    async def admit(self, room: str, name: str, *, by: str, role: Role | None = None) -> Committed:
        """Make somebody a member."""
        person = await self.person(name)
        return await self.append(Admit, room, by=by, user=person.user, role=role)

    def room_id(self, name: str) -> RoomId:
        """The id of a room that this server made, or of ``general``."""
        return self._rooms[name]

    async def append(
        self, kind: type[Append], room: str | None, /, *, by: str | None, **what: Any
    ) -> Committed:
        """Have the committer carry out a request, as a service would."""
        user = None if by is None else (await self.person(by)).user
        where = RoomId(0) if room is None else self.room_id(room)
        return await self.runtime.log.committer.append(
            kind(room=where, by=user, at=self.clock(), **what)
        )

    # Sockets

    async def connects(
        self,
        who: str | Person | None,
        room: str | None = None,
        *,
        query: str = "",
        headers: Iterable[tuple[str, str]] = (),
        fast: bool = False,
        **parameters: object,
    ) -> SocketClient:
        """
        Open a socket, and say nothing yet. ``who`` is authorised by a header.

        Args:
            query: Put into the URL as it is, after ``parameters``.
            fast: Whether the server offers its fast lane, as ``parley serve`` does.

        """
        person = await self.person(who) if isinstance(who, str) else who
        said = "&".join([*(f"{name}={value}" for name, value in parameters.items()), query])
        given = [] if person is None else list(person.bearer.items())
        socket = AsgiSocket(
            self.app,
            path="/ws" if room is None else f"/ws/{room}",
            query=said.strip("&"),
            headers=[("Host", HOST), *given, *headers],
            fast=fast,
        )
        line = SocketClient(
            person.name if person is not None else "somebody",
            socket,
            room,
            parameters.get("since"),  # type: ignore[arg-type]
        )
        self._lines.append(line)
        return line

    async def joins(self, who: str | Person, room: str, **how: Any) -> SocketClient:
        """Open a socket to a room, and listen until it has caught up."""
        line = await self.connects(who, room, **how)
        await line.catches_up()
        return line

    async def close(self) -> None:
        """Hang up on everybody who is still there."""
        await asyncio.gather(*(line.hang_up() for line in self._lines))
        await asyncio.gather(*(client.aclose() for client in self._clients))

    # Internal

    def _present(self, name: str, user: UserId, session: SessionId, token: str) -> Person:
        http = AsyncClient(
            transport=self.client._transport,
            base_url=f"http://{HOST}",
            headers={"Authorization": f"Bearer {token}"},
        )
        self._clients.append(http)
        return Person(name, user, session, token, http)

    def _move_in(self, connection: Any, name: str, *, is_admin: bool) -> tuple[UserId, SessionId]:
        user = users.insert(
            connection,
            username=name,
            display_name=name.title(),
            password_hash=None,
            is_admin=is_admin,
            at=self.clock(),
        )
        return user.id, self._log_in(connection, user.id, name)

    def _log_in(self, connection: Any, user: UserId, name: str) -> SessionId:
        at = self.clock()
        self._log_ins += 1
        return sessions.insert(
            connection,
            user=user,
            label=f"{name}'s phone",
            at=at,
            expires_at=Millis(at + 30 * DAY_MS),
            refresh_hash=f"{user}/{self._log_ins}".encode().rjust(32, b"."),
        )


def settings(**chosen: Any) -> Settings:
    """Settings of a test: nothing from the environment, and limits that nobody meets by chance."""
    return Settings(
        **{
            "environment": "development",
            "secret_key": SECRET,
            "database_url": "sqlite://",
            "sends_per_second": 0,
            "frames_per_second": 0,
            "registrations_per_minute": 0,
            "failed_logins_per_minute": 0,
            "max_connections_per_user": 0,
            **chosen,
        },
    )


@asynccontextmanager
async def open_server(
    database: Database,
    *,
    broker: Broker | None = None,
    limits: Mapping[str, Mapping[str, Any]] | None = None,
    fanout_patience_seconds: float | None = None,
    **chosen: Any,
) -> AsyncIterator[Server]:
    """
    A server on ``database`` until the block ends.

    Args:
        limits: Limits of packages that are not as the settings have them: ``{"realtime":
            {"typing_seconds": 0.01}}``.
        chosen: Settings that are not as :func:`settings` has them.

    """
    clock = Clock()
    configured = settings(**chosen)
    own = Limits.of(configured)
    changed = {
        package: replace(getattr(own, package), **values)
        for package, values in (limits or {}).items()
    }
    if fanout_patience_seconds is not None:
        changed["fanout_patience_seconds"] = fanout_patience_seconds
    app = create_app(configured)
    async with open_runtime(
        configured,
        database,
        broker=broker or MemoryBroker(),
        now=clock,
        limits=replace(own, **changed),
    ) as runtime:
        app.state.runtime = runtime
        async with AsyncClient(transport=ASGITransport(app), base_url=f"http://{HOST}") as client:
            server = Server(app, configured, runtime, client, clock)
            yield server
            await server.close()
