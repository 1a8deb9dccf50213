"""
A server in the test's event loop, without a port, and with a clock that the test can move.

    server = …                                    the fixture
    den = await server.room("den", owner="ana", members=["bo"])
    ana = await server.joins("ana", "den")        a connected, caught-up client
    await ana.ask("send", text="hi")

Users are created when they are first named. By convention ana owns the room, bo is a member and
eve is not.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient
from limits.aio.storage import Storage

from app.broker.base import Broker
from app.broker.memory import MemoryBroker
from app.broker.presence import PresenceStore
from app.config.settings import Settings
from app.domain.appends import Admit, Append, Committed, CreateRoom
from app.domain.ids import Millis, RoomId, SessionId, UserId
from app.domain.roles import Kind, Role
from app.domain.sessions import SessionsRevoked
from app.main import create_app
from app.runtime import Limits, Runtime, clock, open_runtime
from app.security.access_tokens import AccessTokens
from app.services.log.transactions import Effects
from app.shared import Shared
from app.store import sessions, users
from app.store.database import Database
from tests.harness.databases import GatedDatabase
from tests.harness.passwords import cheap_passwords
from tests.harness.socket_client import SocketClient
from tests.harness.sockets import AsgiSocket

SECRET = "a-secret-of-the-tests-5cbd6a4e2f9b"
HOST = "parley.test"

DAY_MS = 24 * 60 * 60 * 1000


@dataclass
class User:
    """An account with a log-in."""

    name: str
    user: UserId
    session: SessionId
    token: str
    http: AsyncClient = field(repr=False)
    """The server's HTTP API, as this user."""

    @property
    def bearer(self) -> dict[str, str]:
        """The header that authenticates a request."""
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
    """A running server, and its users."""

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
        """The HTTP API, without authentication."""
        self.clock = clock
        self._tokens = AccessTokens(SECRET, [], settings.access_token_minutes)
        self._users: dict[str, User] = {}
        self._creating = asyncio.Lock()
        self._log_ins = 0
        self._rooms: dict[str, RoomId] = {"general": RoomId(1)}
        self._socket_clients: list[SocketClient] = []
        self._clients: list[AsyncClient] = []

    # Users

    async def person(self, name: str, *, is_admin: bool = False) -> User:
        """The user of this name; created, without a password to hash, if there is none."""
        async with self._creating:
            found = self._users.get(name)
            if found is None:
                user, session = await self.database.write(
                    lambda c: self._create_user(c, name, is_admin=is_admin)
                )
                token = self._tokens.issue(user, session, self.clock())
                found = self._users[name] = self._make_user(name, user, session, token)
            return found

    def user_id(self, name: str) -> UserId:
        """The id of a user that this object has created."""
        return self._users[name].user

    async def logs_in(self, name: str) -> User:
        """The same user with another log-in."""
        person = await self.person(name)
        session = await self.database.write(lambda c: self._log_in(c, person.user, name))
        token = self._tokens.issue(person.user, session, self.clock())
        return self._make_user(name, person.user, session, token)

    def token(self, person: User, *, minutes: int = 15) -> str:
        """Another access token of the user's log-in."""
        return AccessTokens(SECRET, [], minutes).issue(person.user, person.session, self.clock())

    async def logs_out(self, person: User) -> None:
        """End the user's log-in."""
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
        """Know the users and rooms of ``other``: another node, or this one before a restart."""
        self._users, self._rooms = other._users, other._rooms

    # Rooms

    async def room(
        self,
        name: str,
        *,
        owner: str = "ana",
        members: Iterable[str] = (),
        kind: Kind | str = Kind.PUBLIC,
    ) -> RoomId:
        """Create a room and its members."""
        created = await self.append(
            CreateRoom, None, by=owner, name=name, title=name.title(), kind=Kind(kind)
        )
        self._rooms[name] = created.room
        for member in members:
            await self.admit(name, member, by=owner)
        return created.room

    async def admit(self, room: str, name: str, *, by: str, role: Role | None = None) -> Committed:
        """Add a user to a room, or change a member's role."""
        person = await self.person(name)
        return await self.append(Admit, room, by=by, user=person.user, role=role)

    def room_id(self, name: str) -> RoomId:
        """The id of ``general``, or of a room that this object created or named."""
        return self._rooms[name]

    def name_room(self, name: str, room: RoomId) -> None:
        """Use ``name`` for a room that was created by other means."""
        self._rooms[name] = room

    async def append(
        self, kind: type[Append], room: str | None, /, *, by: str | None, **what: Any
    ) -> Committed:
        """Commit an append, as a service does."""
        user = None if by is None else (await self.person(by)).user
        where = RoomId(0) if room is None else self.room_id(room)
        return await self.runtime.log.committer.append(
            kind(room=where, by=user, at=self.clock(), **what)
        )

    # Sockets

    async def connects(
        self,
        who: str | User | None,
        room: str | None = None,
        *,
        query: str = "",
        headers: Iterable[tuple[str, str]] = (),
        fast: bool = False,
        **parameters: object,
    ) -> SocketClient:
        """
        Open a socket, without sending anything. ``who`` is authenticated by a header.

        Args:
            query: Appended to the URL as it is, after ``parameters``.
            fast: Whether the server offers the fast path of our own transport, as ``parley serve``
                does.

        """
        person = await self.person(who) if isinstance(who, str) else who
        full_query = "&".join([*(f"{name}={value}" for name, value in parameters.items()), query])
        given = [] if person is None else list(person.bearer.items())
        socket = AsgiSocket(
            self.app,
            path="/ws" if room is None else f"/ws/{room}",
            query=full_query.strip("&"),
            headers=[("Host", HOST), *given, *headers],
            fast=fast,
        )
        client = SocketClient(
            person.name if person is not None else "anonymous",
            socket,
            room,
            parameters.get("since"),  # type: ignore[arg-type]
        )
        self._socket_clients.append(client)
        return client

    async def joins(self, who: str | User, room: str, **how: Any) -> SocketClient:
        """Open a socket to a room, and wait until it has caught up."""
        client = await self.connects(who, room, **how)
        await client.catches_up()
        return client

    async def close(self) -> None:
        """Close every socket and HTTP client."""
        await asyncio.gather(*(client.hang_up() for client in self._socket_clients))
        await asyncio.gather(*(client.aclose() for client in self._clients))

    # Internal

    def _make_user(self, name: str, user: UserId, session: SessionId, token: str) -> User:
        http = AsyncClient(
            transport=self.client._transport,
            base_url=f"http://{HOST}",
            headers={"Authorization": f"Bearer {token}"},
        )
        self._clients.append(http)
        return User(name, user, session, token, http)

    def _create_user(
        self, connection: Any, name: str, *, is_admin: bool
    ) -> tuple[UserId, SessionId]:
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
    """Settings for tests: nothing from the environment, no limits that tests reach by chance."""
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


_unused_apps: dict[str, list[FastAPI]] = {}
"""
Apps by settings. An app knows nothing but its settings while it has no runtime, and FastAPI takes
as long to build its routes as a test takes for all the rest.
"""


@asynccontextmanager
async def open_server(
    database: Database,
    *,
    broker: Broker | None = None,
    presence_store: PresenceStore | None = None,
    counters: Storage | None = None,
    limits: Mapping[str, Mapping[str, Any]] | None = None,
    fanout_patience_seconds: float | None = None,
    tracer: Any = None,
    **chosen: Any,
) -> AsyncIterator[Server]:
    """
    A server on ``database`` until the block ends.

    Args:
        limits: Limits by package that differ from the settings' or the defaults: ``{"realtime":
            {"typing_seconds": 0.01}}``.
        tracer: Traces what is done.
        chosen: Settings that differ from those of :func:`settings`.

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
    apps = _unused_apps.setdefault(repr(sorted(chosen.items())), [])
    app = apps.pop() if apps else create_app(configured)
    async with open_runtime(
        configured,
        database,
        shared=Shared(
            broker=broker or MemoryBroker(), presence_store=presence_store, counters=counters
        ),
        now=clock,
        limits=replace(own, **changed),
        tracer=tracer,
        passwords=cheap_passwords(),
    ) as runtime:
        app.state.runtime = runtime
        async with AsyncClient(transport=ASGITransport(app), base_url=f"http://{HOST}") as client:
            server = Server(app, configured, runtime, client, clock)
            if isinstance(database, GatedDatabase) and database.is_open:
                # What a server reads once after its start isn't what a test counts or holds.
                started = {t for t in asyncio.all_tasks() if t.get_name() == "search-rebuilder"}
                if started:
                    await asyncio.wait(started)
            yield server
            await server.close()
    del app.state.runtime
    apps.append(app)
