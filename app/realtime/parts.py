"""The parts of this package: what they are given, how they are built and opened."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from ..broker.base import Broker
from ..broker.connection_counts import ConnectionCounts
from ..broker.presence import PresenceStore
from ..domain.ids import Millis
from ..domain.token_bucket import Refusals
from ..services.accounts.parts import AccountParts
from ..services.log.parts import LogParts
from ..services.rooms.parts import RoomParts
from ..store.database import Database
from ..transport.shared_timer import SharedTimer
from .activity import ActivityNotifier
from .cluster import Cluster
from .connection_exchange import ConnectionExchange
from .connections import Connections
from .drain import Drain
from .fanout import Fanout
from .feed import Feed
from .hub import Hub
from .joins import Joins
from .poller import Poller
from .presence import Presence
from .presence_exchange import PresenceExchange
from .presence_parts import build_exchange, build_presence
from .read_receipts import ReadReceipts
from .realtime_limits import RealtimeLimits
from .remote_activity import RemoteActivity
from .remote_presence import RemotePresence
from .remote_signals import RemoteSignals
from .replay import Replay
from .replay_buffer import ReplayBuffers
from .replay_pages import ReplayPages
from .request_handler import RequestServices
from .revocations import Revocations
from .separation import Separation
from .slow_consumer import SlowConsumerPolicy
from .typing import Typing
from .write_coalescer import WriteCoalescer


@dataclass(frozen=True, slots=True, kw_only=True)
class RealtimeParts:
    """Everything about the clients that are connected to this node."""

    limits: RealtimeLimits
    slow_consumer: SlowConsumerPolicy
    hub: Hub
    activity: ActivityNotifier
    presence: Presence
    presence_exchange: PresenceExchange | None
    separation: Separation
    typing: Typing
    replay_buffers: ReplayBuffers
    feed: Feed
    joins: Joins
    replay_pages: ReplayPages
    replay: Replay
    read_receipts: ReadReceipts
    connections: Connections
    request_services: RequestServices
    drain: Drain
    revocations: Revocations
    cluster: Cluster
    remote_activity: RemoteActivity
    remote_signals: RemoteSignals
    poller: Poller
    token_timer: SharedTimer
    """Ends connections with their tokens."""
    frame_refusals: Refusals
    """Frames over the limit of their connection."""


@asynccontextmanager
async def open_realtime(
    database: Database,
    *,
    log: LogParts,
    rooms: RoomParts,
    accounts: AccountParts,
    broker: Broker,
    presence_store: PresenceStore | None,
    connection_counts: ConnectionCounts | None,
    fanout: Fanout,
    limits: RealtimeLimits,
    now: Callable[[], Millis],
) -> AsyncIterator[RealtimeParts]:
    """
    Deliver what this node and others commit, until the block ends.

    Args:
        presence_store: Where nodes say who is present on them; None: there is one node.
        connection_counts: Of all nodes; None: each node has its own.
        fanout: The one that paces the log's writer.

    """
    parts = _build(database, log, rooms, accounts, broker, presence_store, fanout, limits, now)
    seams = log.seams
    async with AsyncExitStack() as stack:
        stack.push_async_callback(parts.feed.close)
        stack.push_async_callback(parts.revocations.close)
        stack.push_async_callback(parts.activity.close)
        stack.push_async_callback(parts.remote_activity.close)
        stack.push_async_callback(parts.remote_signals.close)
        stack.push_async_callback(parts.separation.close)
        stack.callback(parts.presence.close)
        stack.callback(parts.typing.close)
        stack.enter_context(seams.on_committed.connected(parts.feed.on_committed))
        stack.enter_context(seams.on_committed.connected(parts.cluster.on_committed))
        revoked = seams.on_sessions_revoked
        stack.enter_context(revoked.connected(parts.revocations.on_sessions_revoked))
        stack.enter_context(revoked.connected(parts.cluster.on_sessions_revoked))
        stack.enter_context(seams.on_names_changed.connected(parts.feed.on_names_changed))
        stack.enter_context(seams.on_log_trimmed.connected(parts.feed.on_log_trimmed))
        stack.enter_context(seams.on_epoch_changed.connected(parts.cluster.on_epoch_changed))
        await broker.open(parts.cluster.on_notification)
        stack.push_async_callback(broker.close)
        if (exchange := parts.presence_exchange) is not None:
            exchanging = asyncio.create_task(exchange.run(), name="presence exchange")
            stack.callback(exchanging.cancel)
            stack.push_async_callback(exchange.close)
        if connection_counts is not None and limits.max_connections_per_user:
            counting = ConnectionExchange(
                parts.hub,
                parts.connections,
                connection_counts,
                most=limits.max_connections_per_user,
            )
            counted = asyncio.create_task(counting.run(), name="connection exchange")
            stack.callback(counted.cancel)
        if database.shared:
            polling = asyncio.create_task(parts.poller.run(), name="poller")
            stack.callback(polling.cancel)
        yield parts


def _build(
    database: Database,
    log: LogParts,
    rooms: RoomParts,
    accounts: AccountParts,
    broker: Broker,
    presence_store: PresenceStore | None,
    fanout: Fanout,
    limits: RealtimeLimits,
    now: Callable[[], Millis],
) -> RealtimeParts:
    hub = Hub(fanout)
    separation = Separation(log.batch_loader, hub)
    remote_presence = RemotePresence()
    presence = build_presence(separation, remote_presence, limits)
    activity = ActivityNotifier(
        hub, presence.is_present, separation.blockers_of, interval_seconds=limits.activity_seconds
    )
    exchange = build_exchange(presence_store, broker, presence, remote_presence, limits)
    replay_buffers, coalescer = ReplayBuffers(), WriteCoalescer()
    feed = Feed(
        database,
        hub,
        activity,
        replay_buffers,
        idle_seconds=limits.room_feed_idle_seconds,
        retry_seconds=limits.poll_seconds,
    )
    joins = Joins(
        hub=hub,
        feed=feed,
        directory=rooms.directory,
        room_views=rooms.room_views,
        committer=log.committer,
        separation=separation,
        now=now,
        max_rooms=limits.max_rooms_per_connection,
    )
    replay_pages = ReplayPages(database, replay_buffers)
    replay = Replay(
        hub=hub,
        feed=feed,
        presence=presence,
        pages=replay_pages,
        room_views=rooms.room_views,
        coalescer=coalescer,
        epoch=log.epoch,
        now=now,
    )
    remote_signals = RemoteSignals(broker, hub, separation)
    read_receipts = ReadReceipts(
        database,
        log.batch_loader,
        room_views=rooms.room_views,
        receipts=log.receipts,
        hub=hub,
        separation=separation,
        to_other_nodes=remote_signals if database.shared else None,
        now=now,
    )
    typing = Typing(
        hub,
        separation.of,
        to_other_nodes=remote_signals.send,
        expiry_seconds=limits.typing_seconds,
    )
    hub.on_unsubscribed = typing.end
    drain = Drain(hub, log.committer, exchange)
    revocations = Revocations(hub, accounts.authenticator, log.seams)
    poller = Poller(
        database, feed, log.epoch, revocations.on_polled, poll_seconds=limits.poll_seconds
    )
    remote_activity = RemoteActivity(database, activity, interval_seconds=limits.activity_seconds)
    cluster = Cluster(
        broker,
        feed=feed,
        remote_activity=remote_activity,
        remote_signals=remote_signals,
        revocations=revocations,
        presence_exchange=exchange,
        look_everywhere=poller.poll_soon,
    )
    return RealtimeParts(
        limits=limits,
        token_timer=SharedTimer(asyncio.get_running_loop()),
        frame_refusals=Refusals(),
        slow_consumer=SlowConsumerPolicy(
            limits.max_unsent_bytes,
            stall_seconds=limits.replay_stall_seconds,
            close_seconds=limits.slow_close_seconds,
        ),
        hub=hub,
        activity=activity,
        presence=presence,
        presence_exchange=exchange,
        separation=separation,
        typing=typing,
        replay_buffers=replay_buffers,
        feed=feed,
        joins=joins,
        replay_pages=replay_pages,
        replay=replay,
        read_receipts=read_receipts,
        connections=Connections(
            hub=hub,
            activity=activity,
            authenticator=accounts.authenticator,
            drain=drain,
            max_per_user=limits.max_connections_per_user,
            probe_seconds=limits.probe_seconds,
        ),
        request_services=RequestServices(
            hub=hub,
            joins=joins,
            replay=replay,
            committer=log.committer,
            directory=rooms.directory,
            read_receipts=read_receipts,
            presence=presence,
            typing=typing,
            authenticator=accounts.authenticator,
            coalescer=coalescer,
            now=now,
            max_pending=limits.max_pending_requests,
        ),
        drain=drain,
        revocations=revocations,
        cluster=cluster,
        remote_activity=remote_activity,
        remote_signals=remote_signals,
        poller=poller,
    )
