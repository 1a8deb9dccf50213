"""Builds what this package has for presence."""

import asyncio

from ..broker.base import Broker
from ..broker.presence import PresenceStore
from .presence import Presence
from .presence_exchange import PresenceExchange
from .realtime_limits import RealtimeLimits
from .remote_presence import RemotePresence
from .separation import Separation


def build_presence(
    separation: Separation, elsewhere: RemotePresence, limits: RealtimeLimits
) -> Presence:
    """Who is present on this node; ``elsewhere`` has those of the others."""
    grace = limits.presence_grace_seconds
    return Presence(
        separation.send_presence,
        quiet_until=asyncio.get_running_loop().time() + grace,
        elsewhere=elsewhere,
        grace_seconds=grace,
        gather_seconds=limits.presence_gather_seconds,
        count_seconds=limits.presence_count_seconds,
        max_listed=limits.max_present_listed,
    )


def build_exchange(
    store: PresenceStore | None,
    broker: Broker,
    presence: Presence,
    remote: RemotePresence,
    limits: RealtimeLimits,
) -> PresenceExchange | None:
    """What tells other nodes of ``presence``, and ``remote`` of theirs; None for a single node."""
    if store is None:
        return None
    exchange = PresenceExchange(
        store,
        broker,
        presence,
        remote,
        grace_seconds=limits.presence_grace_seconds,
        gather_seconds=limits.presence_gather_seconds,
        count_seconds=limits.presence_count_seconds,
        refresh_seconds=limits.presence_refresh_seconds,
        expiry_seconds=limits.presence_expiry_seconds,
    )
    presence.on_local_change = exchange.on_local_change
    return exchange
