"""
The composition root: a server's parts, opened package by package and closed in reverse.

Nothing is global: two runtimes in one process are two servers.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from .config.client_limits import client_limits
from .config.database_url import DatabaseUrl
from .config.server_url import local_url
from .config.settings import Settings, SettingsError, resolve_secret
from .domain.connection_limits import AUTH_EXPIRING_SECONDS
from .domain.ids import Millis
from .domain.limits import FANOUT_PATIENCE_SECONDS
from .observability.logs import event
from .observability.loop_lag import LoopLag, open_loop_lag
from .realtime.fanout import Fanout
from .realtime.parts import RealtimeParts, open_realtime
from .realtime.realtime_limits import RealtimeLimits
from .realtime.request_handler import RequestHandler
from .realtime.socket import SocketServices
from .security.access_tokens import AccessTokens
from .security.passwords import Passwords
from .services.accounts.parts import AccountLimits, AccountParts, open_accounts
from .services.admin.admin_service import AdminService
from .services.admin.database_move import DatabaseMove
from .services.admin.parts import open_admin
from .services.log.parts import LogLimits, LogParts, open_log
from .services.messages.parts import MessageLimits, MessageParts, open_messages
from .services.rooms.parts import RoomLimits, RoomParts, open_rooms
from .shared import Shared, open_shared
from .store.database import Database
from .store.opening import open_database
from .store.write_gate import WriteGate
from .version import VERSION

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

log = logging.getLogger("parley.runtime")


def clock() -> Millis:
    """The time, in milliseconds since 1970."""
    return Millis(time.time_ns() // 1_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of each package."""

    accounts: AccountLimits
    messages: MessageLimits
    realtime: RealtimeLimits
    log: LogLimits = field(default_factory=LogLimits)
    rooms: RoomLimits = field(default_factory=RoomLimits)
    fanout_patience_seconds: float = FANOUT_PATIENCE_SECONDS

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        """The limits in ``settings``, and :mod:`app.domain.limits` for the rest."""
        return cls(
            accounts=AccountLimits(
                failed_logins_per_minute=settings.failed_logins_per_minute,
                registrations_per_minute=settings.registrations_per_minute,
                registration_open=settings.registration == "open",
                refresh_token_days=settings.refresh_token_days,
            ),
            messages=MessageLimits(
                sends_per_second=settings.sends_per_second, send_burst=settings.send_burst
            ),
            realtime=RealtimeLimits(
                allowed_origins=settings.allowed_origins,
                max_unsent_bytes=settings.max_unsent_bytes,
                max_connections_per_user=settings.max_connections_per_user,
                frames_per_second=settings.frames_per_second,
                frame_burst=settings.frame_burst,
                # Of a token that lives a minute, half: announced at once, it would be exchanged
                # again and again.
                auth_expiring_seconds=min(
                    AUTH_EXPIRING_SECONDS, settings.access_token_minutes * 60 / 2
                ),
                told_to_clients=client_limits(settings),
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """The parts of one server. Everything in it belongs to the event loop that opened it."""

    database: Database
    now: Callable[[], Millis]
    log: LogParts
    rooms: RoomParts
    accounts: AccountParts
    messages: MessageParts
    admin: AdminService
    realtime: RealtimeParts
    sockets: SocketServices
    loop_lag: LoopLag
    database_move: DatabaseMove
    tracer: "Tracer | None" = None

    @property
    def stop_requested(self) -> asyncio.Event:
        """Set when the process has nothing more to do: its database was moved."""
        return self.database_move.ended

    async def drain(self) -> None:
        """Refuse new requests, finish the accepted ones, and have every client reconnect."""
        await self.realtime.drain.run()

    def interrupt(self) -> None:
        """Fail now whatever the database would keep waiting: the time for a shutdown is over."""
        self.database.interrupt()


@asynccontextmanager
async def open_server(settings: Settings) -> AsyncIterator[Runtime]:
    """
    Open the database and a runtime on it, until the block ends.

    Raises:
        StoreError: If the database can't be used.
        SettingsError: If there is no secret.

    """
    resolve_secret(settings)
    where = settings.database
    async with open_database(
        where.kind,
        where.url,
        where.path,
        address=local_url(settings.host, settings.port),
        migrate=where.kind == "sqlite",
    ) as database:
        async with (
            _open_tracer(settings) as tracer,
            open_shared(settings, database) as shared,
            open_runtime(settings, database, shared=shared, tracer=tracer) as runtime,
        ):
            event(log, logging.INFO, "server.started", database=where.shown)
            yield runtime
        event(log, logging.INFO, "server.stopped")


@asynccontextmanager
async def open_runtime(
    settings: Settings,
    database: Database,
    *,
    shared: Shared,
    now: Callable[[], Millis] = clock,
    limits: Limits | None = None,
    tracer: "Tracer | None" = None,
    passwords: Passwords | None = None,
) -> AsyncIterator[Runtime]:
    """
    Open the parts of a server on a database, until the block ends.

    Args:
        shared: What it shares with other nodes.
        passwords: Hashes passwords at another cost than usual. Closed when the block ends.

    When the block has ended, every append that was submitted has been committed.

    Raises:
        SettingsError: If there is no secret.
        Unavailable: If the database can't be read now.

    """
    limits = limits or Limits.of(settings)
    # Everything below writes through it, so that a move can refuse them all.
    database = gate = WriteGate(database)
    old = [secret.get_secret_value() for secret in settings.secret_keys_old]
    secret = resolve_secret(settings).get_secret_value()
    access_tokens = AccessTokens(secret, old, settings.access_token_minutes)
    fanout = Fanout(limits.fanout_patience_seconds)

    async def other_nodes() -> int:
        store = shared.presence_store
        return 0 if store is None else max(0, len(await store.nodes()) - 1)

    async with (
        open_loop_lag() as loop_lag,
        open_log(database, pacing=fanout, limits=limits.log, tracer=tracer) as log_parts,
        open_rooms(database, log_parts, now=now, limits=limits.rooms) as rooms,
        open_accounts(
            database,
            log_parts,
            rooms.membership_removal,
            access_tokens=access_tokens,
            passwords=passwords or Passwords(),
            limits=limits.accounts,
            counters=shared.counters,
            now=now,
        ) as accounts,
        open_messages(
            database,
            log_parts,
            rooms.directory,
            pacing=fanout,
            limits=limits.messages,
            send_rates=shared.send_rates,
            now=now,
        ) as messages,
        open_admin(database, log_parts, rooms, accounts, limits=limits.accounts, now=now) as admin,
        open_realtime(
            database,
            log=log_parts,
            rooms=rooms,
            accounts=accounts,
            broker=shared.broker,
            presence_store=shared.presence_store,
            connection_counts=shared.connection_counts,
            fanout=fanout,
            limits=limits.realtime,
            now=now,
        ) as realtime,
        AsyncExitStack() as stack,
    ):
        messages.messages.present = realtime.presence.users
        database_move = DatabaseMove(
            gate,
            settings.database,
            parse=DatabaseUrl.parse,
            other_nodes=other_nodes,
            now=now,
        )
        stack.push_async_callback(database_move.close)
        yield Runtime(
            database=database,
            now=now,
            log=log_parts,
            rooms=rooms,
            accounts=accounts,
            messages=messages,
            admin=admin,
            realtime=realtime,
            sockets=SocketServices(
                realtime=realtime,
                memberships=rooms.memberships,
                send_buckets=messages.send_buckets,
                epoch=log_parts.epoch,
                now=now,
                request_handler=_request_handler(tracer),
            ),
            loop_lag=loop_lag,
            database_move=database_move,
            tracer=tracer,
        )


@asynccontextmanager
async def _open_tracer(settings: Settings) -> AsyncIterator["Tracer | None"]:
    if not settings.traces:
        yield None
        return
    try:
        # Installed only with the extra "otel".
        from .observability.tracing import open_tracer
    except ModuleNotFoundError as exc:
        raise SettingsError(
            f"TRACES: needs a package that is not installed: {exc.name}. "
            "In a checkout of Parley, run: pip install '.[otel]'"
        ) from exc
    async with open_tracer(VERSION) as tracer:
        yield tracer


def _request_handler(tracer: "Tracer | None") -> Callable[..., RequestHandler]:
    if tracer is None:
        return RequestHandler
    # Needs the extra "otel".
    from .realtime.traced_request_handler import TracedRequestHandler

    return partial(TracedRequestHandler, tracer)
