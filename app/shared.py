"""What the nodes of one installation share besides the database, chosen by the settings."""

import hmac
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from limits.aio.storage import Storage

from .broker.base import Broker
from .broker.connection_counts import ConnectionCounts
from .broker.memory import MemoryBroker
from .broker.presence import PresenceStore
from .broker.send_rates import SendRates
from .config.database_url import DatabaseUrl
from .config.settings import Settings, SettingsError, resolve_secret
from .realtime.presence_table import PresenceTable
from .services.accounts.database_counters import DatabaseCounters
from .store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What connects a node with the others. The broker is opened by those who use it."""

    broker: Broker
    presence_store: PresenceStore | None = None
    """None: there are no other nodes, or their users are not shown."""
    counters: Storage | None = None
    """Counts failed log-ins of all nodes; None: each node counts for itself."""
    connection_counts: ConnectionCounts | None = None
    """How many connections users have on all nodes; None: each node knows its own."""
    send_rates: SendRates | None = None
    """The send rates of all nodes; None: each node has its own, or there is no limit."""


@asynccontextmanager
async def open_shared(settings: Settings, database: Database) -> AsyncIterator[Shared]:
    """
    Choose what connects the nodes that may share the database, until the block ends.

    Raises:
        SettingsError: If ``REDIS_URL`` can't be used.

    """
    if settings.database.kind == "sqlite":
        yield Shared(broker=MemoryBroker())
        return
    if settings.redis_url:
        async with _open_redis(settings) as shared:
            yield shared
        return
    # Their driver is installed only with the extra "postgres".
    from .broker.postgres import PostgresBroker
    from .store.postgres_settings import connection_parameters

    url = DatabaseUrl.parse(settings.notify_database_url or settings.database_url).url
    yield Shared(
        broker=PostgresBroker(connection_parameters(url)),
        presence_store=PresenceTable(database),
        counters=DatabaseCounters(database),
    )


@asynccontextmanager
async def _open_redis(settings: Settings) -> AsyncIterator[Shared]:
    try:
        # Installed only with the extra "redis".
        from .broker.redis import RedisBroker
        from .broker.redis_connection_counts import RedisConnectionCounts
        from .broker.redis_counters import RedisCounters
        from .broker.redis_presence import RedisPresence
        from .broker.redis_send_rates import RedisSendRates
    except ModuleNotFoundError as exc:
        raise SettingsError(
            f"REDIS_URL: needs a package that is not installed: {exc.name}. "
            "In a checkout of Parley, run: pip install '.[redis]'"
        ) from exc
    # All nodes of an installation have the same key, and no other installation has it.
    key = resolve_secret(settings).get_secret_value().encode()
    name = f"parley:{hmac.digest(key, b'parley broker', 'sha256').hex()[:16]}"
    url = settings.redis_url
    rate, burst = settings.sends_per_second, settings.send_burst
    async with AsyncExitStack() as stack:
        try:
            counters = RedisCounters(url, name)
            connection_counts = RedisConnectionCounts(url, name)
            send_rates = RedisSendRates(url, name, rate=rate, burst=burst) if rate else None
            shared = Shared(
                broker=RedisBroker(url, name),
                presence_store=RedisPresence(url, name),
                counters=counters,
                connection_counts=connection_counts,
                send_rates=send_rates,
            )
        except ValueError as exc:
            raise SettingsError(f"REDIS_URL: can't be used: {exc}") from None
        stack.push_async_callback(counters.close)
        stack.push_async_callback(connection_counts.close)
        if send_rates is not None:
            stack.push_async_callback(send_rates.close)
        yield shared
