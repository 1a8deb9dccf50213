"""The parts of this package: what they are given, how they are built and opened."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from ..broker.base import Broker
from ..domain import limits as defaults
from ..domain.ids import Millis
from ..services.accounts.parts import AccountParts
from ..services.log.parts import LogParts
from ..services.rooms.parts import RoomParts
from ..store.database import Database
from ..transport.shared_timer import SharedTimer
from .activity import ActivityNotifier
from .cluster import Cluster
from .connections import Connections
from .drain import Drain
from .fanout import Fanout
from .feed import Feed
from .hub import Hub
from .joins import Joins
from .poller import Poller
from .presence import Presence
from .read_receipts import ReadReceipts
from .remote_activity import RemoteActivity
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
class RealtimeLimits:
    """Settings, and the defaults of :mod:`app.domain.limits` for the rest; 0 is no limit."""

    allowed_origins: Collection[str]
    max_unsent_bytes: int
    max_connections_per_user: int
    frames_per_second: float
    frame_burst: float
    auth_expiring_seconds: float
    told_to_clients: Mapping[str, int]
    """What ``welcome`` shows."""
    max_rooms_per_connection: int = defaults.MAX_ROOMS_PER_CONNECTION
    max_pending_requests: int = defaults.MAX_PENDING_REQUESTS
    room_feed_idle_seconds: float = defaults.ROOM_FEED_IDLE_SECONDS
    replay_stall_seconds: float = defaults.REPLAY_STALL_SECONDS
    poll_seconds: float = defaults.POLL_SECONDS
    activity_seconds: float = defaults.ACTIVITY_SECONDS
    typing_seconds: float = defaults.TYPING_SECONDS
    presence_grace_seconds: float = defaults.PRESENCE_GRACE_SECONDS
    presence_gather_seconds: float = defaults.PRESENCE_GATHER_SECONDS
    presence_count_seconds: float = defaults.PRESENCE_COUNT_SECONDS
    max_present_listed: int = defaults.MAX_PRESENT_LISTED
    close_seconds: float = defaults.CLOSE_SECONDS
    slow_close_seconds: float = defaults.SLOW_CLOSE_SECONDS
    probe_seconds: float = defaults.PROBE_SECONDS
    stream_ping_seconds: float = defaults.STREAM_PING_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class RealtimeParts:
    """Everything about the clients that are connected to this node."""

    limits: RealtimeLimits
    slow_consumer: SlowConsumerPolicy
    hub: Hub
    activity: ActivityNotifier
    presence: Presence
    separation: Separation
    typing: Typing
    replay_buffers: ReplayBuffers
    feed: Feed
    joins: Joins
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


@asynccontextmanager
async def open_realtime(
    database: Database,
    *,
    log: LogParts,
    rooms: RoomParts,
    accounts: AccountParts,
    broker: Broker,
    fanout: Fanout,
    limits: RealtimeLimits,
    now: Callable[[], Millis],
) -> AsyncIterator[RealtimeParts]:
    """
    Deliver what this node and others commit, until the block ends.

    Args:
        fanout: The one that paces the log's writer.

    """
    parts = _build(database, log, rooms, accounts, broker, fanout, limits, now)
    seams = log.seams
    async with AsyncExitStack() as stack:
        stack.push_async_callback(parts.feed.close)
        stack.push_async_callback(parts.revocations.close)
        stack.callback(parts.activity.close)
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
    fanout: Fanout,
    limits: RealtimeLimits,
    now: Callable[[], Millis],
) -> RealtimeParts:
    hub = Hub(fanout)
    separation = Separation(log.batch_loader, hub)
    activity = ActivityNotifier(hub, interval_seconds=limits.activity_seconds)
    presence = _presence(separation, limits)
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
    replay = Replay(
        hub=hub,
        feed=feed,
        presence=presence,
        pages=ReplayPages(database, replay_buffers),
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
    drain = Drain(hub, log.committer)
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
        look_everywhere=poller.poll_soon,
    )
    return RealtimeParts(
        limits=limits,
        token_timer=SharedTimer(asyncio.get_running_loop()),
        slow_consumer=SlowConsumerPolicy(
            limits.max_unsent_bytes,
            stall_seconds=limits.replay_stall_seconds,
            close_seconds=limits.slow_close_seconds,
        ),
        hub=hub,
        activity=activity,
        presence=presence,
        separation=separation,
        typing=typing,
        replay_buffers=replay_buffers,
        feed=feed,
        joins=joins,
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


def _presence(separation: Separation, limits: RealtimeLimits) -> Presence:
    grace = limits.presence_grace_seconds
    return Presence(
        separation.send_presence,
        quiet_until=asyncio.get_running_loop().time() + grace,
        grace_seconds=grace,
        gather_seconds=limits.presence_gather_seconds,
        count_seconds=limits.presence_count_seconds,
        max_listed=limits.max_present_listed,
    )
