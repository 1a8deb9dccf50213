"""
Everything that a server is made of: built once, opened in order, closed in reverse.

Nothing is global: two runtimes in one process are two servers.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

from app.broker.base import Bell, Broker, LoginEnded, RoomRang
from app.config.client_limits import shown_limits
from app.config.settings import Settings, resolve_secret
from app.domain import limits
from app.domain.closing import UNAUTHORIZED, UNAVAILABLE
from app.domain.errors import Unauthorized, Unavailable
from app.domain.events import Run
from app.domain.ids import Millis, SessionId, UserId
from app.domain.token_bucket import UserBuckets
from app.realtime.activity import Bystanders
from app.realtime.connection import Connection
from app.realtime.drain import drain
from app.realtime.feed import Feed
from app.realtime.hub import Hub
from app.realtime.joins import Joins
from app.realtime.outbox import Flusher
from app.realtime.poller import Poller
from app.realtime.presence import Presence
from app.realtime.read_receipts import Reading
from app.realtime.replay_buffer import Tails
from app.realtime.replays import Replays
from app.realtime.request_handler import Conversations
from app.realtime.typing import Typing
from app.security.access_tokens import AccessTokens, Claims
from app.security.passwords import Passwords
from app.services.accounts.accounts import Accounts
from app.services.accounts.authenticator import Identities
from app.services.accounts.blocks import Blocks
from app.services.accounts.erasures import Erasures
from app.services.accounts.login_throttle import Throttle
from app.services.accounts.logins import Logins
from app.services.accounts.session_revoker import Endings
from app.services.admin.account_admin import Administration
from app.services.admin.admin_service import Operations
from app.services.log.committer import Committer
from app.services.log.read_receipt_buffer import ReadMarkers
from app.services.log.transactions import Transactions
from app.services.messages.history import History
from app.services.messages.message_pages import MessagePages
from app.services.messages.messages import Messages
from app.services.messages.search import Search
from app.services.messages.search_indexer import Indexer
from app.services.rooms.invites import Invites
from app.services.rooms.members import Members
from app.services.rooms.membership_loader import Memberships
from app.services.rooms.membership_removal import Leaving
from app.services.rooms.retention import Retention
from app.services.rooms.room_directory import Directory
from app.services.rooms.room_views import Standings
from app.services.rooms.rooms import Rooms
from app.store.batch_loader import Gathering
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
        self.limits = shown_limits(settings)
        self.draining = False
        self._checking: set[asyncio.Task[None]] = set()

        self.hub = Hub()
        self.bystanders = Bystanders(self.hub)
        quiet_until = asyncio.get_running_loop().time() + limits.PRESENCE_GRACE_SECONDS
        self.typing = Typing(self.hub)
        self.presence = Presence(self.hub.tell_presence, quiet_until)
        self.tails = Tails()
        self.flusher = Flusher()
        self.send_buckets = UserBuckets(settings.sends_per_second, settings.send_burst)

        self.feed = Feed(database, self.hub, self.bystanders, self.tails)
        self.markers = ReadMarkers()
        self.committer = Committer(database, self._publish, self.markers, self.hub.fanout)
        self.gathering = Gathering(database)
        self.directory = Directory(self.gathering)
        self.standings = Standings(self.gathering, self.markers)
        self.memberships = Memberships(self.gathering, self.markers)
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
            replays=Replays(database, self.tails),
            directory=self.directory,
            standings=self.standings,
            committer=self.committer,
            flusher=self.flusher,
            epoch=lambda: self.epoch,
            now=now,
        )
        self.conversations = Conversations(
            hub=self.hub,
            joins=self.joins,
            committer=self.committer,
            directory=self.directory,
            reading=self.reading,
            typing=self.typing,
            identities=self.identities,
            flusher=self.flusher,
            now=now,
        )

    def _build_rooms(self) -> None:
        database, now = self.database, self.now
        self.transactions = Transactions(database, self._publish)
        self.leaving = Leaving(database, self.transactions, now)
        self.retention = Retention(database, now=now, on_removed=self.feed.kept_from)
        self.rooms = Rooms(
            database,
            committer=self.committer,
            directory=self.directory,
            standings=self.standings,
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
        self.reading = Reading(
            self.gathering, standings=self.standings, markers=self.markers, hub=self.hub, now=now
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
        self.endings = Endings(database, self._login_ended)
        self.erasures = Erasures(
            database,
            transactions=self.transactions,
            let_go=self.leaving.let_go,
            now=now,
            on_renamed=self._names_changed,
        )
        self.identities = Identities(database, self.gathering, tokens, now)
        self.accounts = Accounts(
            database,
            passwords=self.passwords,
            throttle=self.throttle,
            endings=self.endings,
            registration_open=settings.registration == "open",
            now=now,
            erase=self.erasures.erase,
        )
        self.logins = Logins(
            database,
            passwords=self.passwords,
            access_tokens=tokens,
            throttle=self.throttle,
            endings=self.endings,
            refresh_token_days=settings.refresh_token_days,
            now=now,
        )
        self.operations = Operations(
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
        self.administration = Administration(
            database, passwords=self.passwords, endings=self.endings, now=now
        )

    async def drain(self) -> None:
        """Take no more, finish what was taken, and send everybody away to come back."""
        self.draining = True
        await drain(self.hub, self.committer)

    def _publish(self, runs: Sequence[Run]) -> None:
        # First: whatever happens to the telling, nothing is left out of the index.
        self.indexer.notice(runs)
        self.feed.publish(runs)
        for run in runs:
            self.broker.ring(RoomRang(run.room, run.last))

    def _names_changed(self) -> None:
        self.feed.names_changed()
        self.message_pages.names_changed()

    def _epoch_began(self, epoch: str) -> None:
        self.epoch = epoch

    def _login_ended(self, user: UserId, session: SessionId | None) -> None:
        self.hub.end_sessions(user, session)
        self.broker.ring(LoginEnded(user, session))

    def hear(self, bell: Bell) -> None:
        """A doorbell of another node."""
        if isinstance(bell, RoomRang):
            self.feed.rung(bell.room, bell.head)
        elif bell.session is not None:
            self.hub.end_sessions(bell.user, bell.session)
        else:
            self._check_again(bell.user)

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
            await self.identities.confirm(
                Claims(connection.user, connection.session, connection.expires_at)
            )
        except Unauthorized:
            connection.close(UNAUTHORIZED)
        except Unavailable:
            connection.close(UNAVAILABLE)
