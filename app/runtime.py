"""
Everything that a server is made of: built once, opened in order, closed in reverse.

Nothing is global: two runtimes in one process are two servers.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

from app.broker.base import Broker, LogAdvanced, Notification, SessionsRevoked
from app.config.client_limits import client_limits
from app.config.settings import Settings, resolve_secret
from app.domain import limits
from app.domain.close_codes import UNAUTHORIZED, UNAVAILABLE
from app.domain.errors import Unauthorized, Unavailable
from app.domain.events import EventBatch
from app.domain.ids import Millis, SessionId, UserId
from app.domain.token_bucket import UserTokenBuckets
from app.realtime.activity import ActivityNotifier
from app.realtime.connection import Connection
from app.realtime.drain import drain
from app.realtime.feed import Feed
from app.realtime.hub import Hub
from app.realtime.joins import Joins
from app.realtime.outbox import WriteCoalescer
from app.realtime.poller import Poller
from app.realtime.presence import Presence
from app.realtime.read_receipts import ReadReceipts
from app.realtime.replay_buffer import ReplayBuffers
from app.realtime.replays import Replays
from app.realtime.request_handler import RequestServices
from app.realtime.typing import Typing
from app.security.access_tokens import AccessTokens, Claims
from app.security.passwords import Passwords
from app.services.accounts.accounts import Accounts
from app.services.accounts.authenticator import Authenticator
from app.services.accounts.blocks import Blocks
from app.services.accounts.erasures import Erasures
from app.services.accounts.login_throttle import Throttle
from app.services.accounts.logins import Logins
from app.services.accounts.session_revoker import SessionRevoker
from app.services.admin.account_admin import AccountAdmin
from app.services.admin.admin_service import AdminService
from app.services.log.committer import Committer
from app.services.log.read_receipt_buffer import ReadReceiptBuffer
from app.services.log.transactions import Transactions
from app.services.messages.history import History
from app.services.messages.message_pages import MessagePages
from app.services.messages.messages import Messages
from app.services.messages.search import Search
from app.services.messages.search_indexer import Indexer
from app.services.rooms.invites import Invites
from app.services.rooms.members import Members
from app.services.rooms.membership_loader import MembershipLoader
from app.services.rooms.membership_removal import MembershipRemoval
from app.services.rooms.retention import Retention
from app.services.rooms.room_directory import RoomDirectory
from app.services.rooms.room_views import RoomViews
from app.services.rooms.rooms import Rooms
from app.store.batch_loader import BatchLoader
from app.store.database import Database
from app.store.polling import Revocation

log = logging.getLogger("parley.runtime")


def clock() -> Millis:
    """The time, in milliseconds since 1970."""
    return Millis(time.time_ns() // 1_000_000)


class Runtime:
    """The parts of one server, wired. :mod:`app.lifespan` opens them."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        epoch: str,
        *,
        broker: Broker,
        now: Callable[[], Millis] = clock,
    ) -> None:
        self.settings = settings
        self.database = database
        self.epoch = epoch
        """The name of this history; may be changed while serving."""
        self.broker = broker
        self.now = now
        self.limits = client_limits(settings)
        self.draining = False
        self._checking: set[asyncio.Task[None]] = set()

        self.hub = Hub()
        self.activity = ActivityNotifier(self.hub)
        quiet_until = asyncio.get_running_loop().time() + limits.PRESENCE_GRACE_SECONDS
        self.typing = Typing(self.hub)
        self.presence = Presence(self.hub.send_presence, quiet_until)
        self.replay_buffers = ReplayBuffers()
        self.coalescer = WriteCoalescer()
        self.send_buckets = UserTokenBuckets(settings.sends_per_second, settings.send_burst)

        self.feed = Feed(database, self.hub, self.activity, self.replay_buffers)
        self.markers = ReadReceiptBuffer()
        self.committer = Committer(database, self._publish, self.markers, self.hub.fanout)
        self.batch_loader = BatchLoader(database)
        self.directory = RoomDirectory(self.batch_loader)
        self.room_views = RoomViews(self.batch_loader, self.markers)
        self.memberships = MembershipLoader(self.batch_loader, self.markers)
        self.history = History(
            database, directory=self.directory, epoch=lambda: self.epoch, now=now
        )
        self.message_pages = MessagePages(database, directory=self.directory, now=now)
        self.messages = Messages(
            database,
            committer=self.committer,
            directory=self.directory,
            buckets=self.send_buckets,
            now=now,
        )
        self.indexer = Indexer(database, self.hub.fanout)
        self.search = Search(database, directory=self.directory, indexer=self.indexer, now=now)
        self._build_rooms()
        self._build_accounts()
        self.poller = Poller(database, self.feed, self._ended_elsewhere)
        self.joins = Joins(
            hub=self.hub,
            feed=self.feed,
            presence=self.presence,
            replays=Replays(database, self.replay_buffers),
            directory=self.directory,
            room_views=self.room_views,
            committer=self.committer,
            coalescer=self.coalescer,
            epoch=lambda: self.epoch,
            now=now,
        )
        self.request_services = RequestServices(
            hub=self.hub,
            joins=self.joins,
            committer=self.committer,
            directory=self.directory,
            read_receipts=self.read_receipts,
            typing=self.typing,
            authenticator=self.authenticator,
            coalescer=self.coalescer,
            now=now,
        )

    def _build_rooms(self) -> None:
        database, now = self.database, self.now
        self.transactions = Transactions(database, self._publish)
        self.membership_removal = MembershipRemoval(database, self.transactions, now)
        self.retention = Retention(database, now=now, on_removed=self.feed.on_trimmed)
        self.rooms = Rooms(
            database,
            committer=self.committer,
            directory=self.directory,
            room_views=self.room_views,
            markers=self.markers,
            now=now,
        )
        self.members = Members(
            database,
            committer=self.committer,
            directory=self.directory,
            rooms=self.rooms,
            now=now,
        )
        self.invites = Invites(
            database,
            transactions=self.transactions,
            directory=self.directory,
            rooms=self.rooms,
            now=now,
        )
        self.blocks = Blocks(database, now)
        self.read_receipts = ReadReceipts(
            self.batch_loader,
            room_views=self.room_views,
            markers=self.markers,
            hub=self.hub,
            now=now,
        )

    def _build_accounts(self) -> None:
        settings, database, now = self.settings, self.database, self.now
        old = [secret.get_secret_value() for secret in settings.secret_keys_old]
        secret = resolve_secret(settings).get_secret_value()
        tokens = AccessTokens(secret, old, settings.access_token_minutes)
        self.passwords = Passwords()
        self.throttle = Throttle(
            failed_logins_per_minute=settings.failed_logins_per_minute,
            registrations_per_minute=settings.registrations_per_minute,
        )
        self.session_revoker = SessionRevoker(database, self._login_ended)
        self.erasures = Erasures(
            database,
            transactions=self.transactions,
            remove_memberships=self.membership_removal.remove_memberships,
            now=now,
            on_renamed=self._names_changed,
        )
        self.authenticator = Authenticator(database, self.batch_loader, tokens, now)
        self.accounts = Accounts(
            database,
            passwords=self.passwords,
            throttle=self.throttle,
            session_revoker=self.session_revoker,
            registration_open=settings.registration == "open",
            now=now,
            erase=self.erasures.erase,
        )
        self.logins = Logins(
            database,
            passwords=self.passwords,
            access_tokens=tokens,
            throttle=self.throttle,
            session_revoker=self.session_revoker,
            refresh_token_days=settings.refresh_token_days,
            now=now,
        )
        self.admin_service = AdminService(
            database,
            passwords=self.passwords,
            access_tokens=tokens,
            throttle=self.throttle,
            erasures=self.erasures,
            refresh_token_days=settings.refresh_token_days,
            now=now,
            on_revoked=self._login_ended,
            publish=self._publish,
            on_new_epoch=self._epoch_began,
            on_retention=self.retention.wake,
        )
        self.account_admin = AccountAdmin(
            database, passwords=self.passwords, session_revoker=self.session_revoker, now=now
        )

    async def drain(self) -> None:
        """Take no more, finish what was taken, and send everybody away to come back."""
        self.draining = True
        await drain(self.hub, self.committer)

    def _publish(self, runs: Sequence[EventBatch]) -> None:
        # First: whatever happens to the telling, nothing is left out of the index.
        self.indexer.notice(runs)
        self.feed.publish(runs)
        for run in runs:
            self.broker.notify(LogAdvanced(run.room, run.last))

    def _names_changed(self) -> None:
        self.feed.names_changed()
        self.message_pages.names_changed()

    def _epoch_began(self, epoch: str) -> None:
        self.epoch = epoch

    def _login_ended(self, user: UserId, session: SessionId | None) -> None:
        self.hub.end_sessions(user, session)
        self.broker.notify(SessionsRevoked(user, session))

    def on_notification(self, notification: Notification) -> None:
        """A doorbell of another node."""
        if isinstance(notification, LogAdvanced):
            self.feed.on_notification(notification.room, notification.head)
        elif notification.session is not None:
            self.hub.end_sessions(notification.user, notification.session)
        else:
            self._check_again(notification.user)

    def _ended_elsewhere(self, revocation: Revocation) -> None:
        if revocation.erased:
            self._names_changed()
        if revocation.session is not None:
            self.hub.end_sessions(revocation.user, revocation.session)
        else:
            self._check_again(revocation.user)

    def _check_again(self, user: UserId) -> None:
        # It may come late: what was begun since then goes on.
        for connection in self.hub.of_user(user):
            task = asyncio.create_task(self._confirm(connection))
            self._checking.add(task)
            task.add_done_callback(self._checking.discard)

    async def _confirm(self, connection: Connection) -> None:
        try:
            await self.authenticator.confirm(
                Claims(connection.user, connection.session, connection.expires_at)
            )
        except Unauthorized:
            connection.close(UNAUTHORIZED)
        except Unavailable:
            connection.close(UNAVAILABLE)
