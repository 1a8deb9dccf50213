"""What an operator can do to rooms. The caller checks that the action is allowed."""

from collections.abc import AsyncIterator, Callable, Sequence

from ...domain import labels, names
from ...domain.appends import Admit, CreateRoom, UpdateRoom
from ...domain.errors import Invalid
from ...domain.ids import Millis, RoomId, UserId
from ...domain.limits import MAX_PAGE
from ...domain.retention import refuse_retention
from ...domain.roles import Kind, Role
from ...store import admin_rooms, users
from ...store import retention as retention_store
from ...store.admin_rooms import Room
from ...store.database import Database, DbConnection, Work
from ...wire.admin import AdminRoomAnswer
from ..log.transactions import Effects, Transactions, append_all
from ..rooms.retention import Retention
from .answers import room_answer
from .audit_log import AuditLog
from .audited_database import AuditedDatabase


class RoomAdmin:
    """
    Rooms, for the operator of the installation. Used in the event loop.

    Each action returns after its commit and is safe to cancel: it is finished all the same.

    Args:
        retention: Woken after the commit when a room's retention has changed.

    """

    def __init__(
        self,
        database: Database,
        audit_log: AuditLog,
        *,
        transactions: Transactions,
        retention: Retention,
        now: Callable[[], Millis],
    ) -> None:
        self._database = database
        self._audit_log = audit_log
        self._transactions = transactions
        self._retention = retention
        self._now = now

    async def page(self, *, after: str = "", limit: int) -> Sequence[Room]:
        """Rooms of every kind, in order of name, after the name ``after``."""
        return await self._database.read(lambda c: admin_rooms.page(c, after=after, limit=limit))

    async def all(self) -> AsyncIterator[AdminRoomAnswer]:
        """All rooms in order of name; each page is read on its own."""
        found: Sequence[Room] = ()
        while found := await self.page(after=found[-1].name if found else "", limit=MAX_PAGE):
            for room in found:
                yield room_answer(room)

    async def add(
        self,
        name: str,
        title: str = "",
        kind: Kind = Kind.PUBLIC,
        owner: str | None = None,
        *,
        by: UserId | None = None,
    ) -> Room:
        """
        Create a room.

        Raises:
            RoomExists: If there is one of this name.
            UserNotFound: If there is no such owner.
            Invalid: If the name or the title is not acceptable, or a private room has no owner.

        """
        if kind is Kind.PRIVATE and owner is None:
            raise Invalid.field(
                "owner", "is missing: nobody can get into a private room without an owner"
            )
        name, title, now = names.new_room_name(name), labels.title(title), self._now()
        owner_name = None if owner is None else names.username(owner)

        def work(connection: DbConnection) -> tuple[Room, Effects]:
            creation = CreateRoom(
                room=RoomId(0), by=None, at=now, name=name, title=title, kind=kind
            )
            event_batches = [*append_all(connection, [creation]).event_batches]
            if owner_name is not None:
                room, user = event_batches[0].room, users.known(connection, owner_name).id
                admission = Admit(room=room, by=None, at=now, user=user, role=Role.OWNER)
                event_batches += append_all(connection, [admission]).event_batches
            return admin_rooms.by_name(connection, name), Effects(event_batches)

        audited = self._audit_log.audited(by, "room.add", name)
        return await self._audit_log.run(audited, self._write(audited, work))

    async def set_archived(self, name: str, archived: bool, by: UserId | None = None) -> Room:
        """
        Make a room read-only, or reopen it. Idempotent.

        Raises:
            RoomNotFound: If there is none of this name.

        """
        name, now = names.room_name(name), self._now()

        def work(connection: DbConnection) -> tuple[Room, Effects]:
            room = admin_rooms.by_name(connection, name)
            change = UpdateRoom(room=room.id, by=by, at=now, archived=archived, as_operator=True)
            event_batches = append_all(connection, [change]).event_batches
            return admin_rooms.by_name(connection, name), Effects(event_batches)

        audited = self._audit_log.audited(by, "room.archive" if archived else "room.reopen", name)
        return await self._audit_log.run(audited, self._write(audited, work))

    async def set_retention(
        self,
        name: str,
        *,
        days: int | None = None,
        events: int | None = None,
        keep_pinned: bool = True,
        by: UserId | None = None,
    ) -> Room:
        """
        Set how much history a room keeps: some days, some events or, with neither, all of it.

        Older events are removed soon afterwards, for good; pinned messages only if they are not
        to be kept.

        Raises:
            RoomNotFound: If there is none of this name.
            Invalid: If both are given, or one is out of bounds.

        """
        refuse_retention(days, events)
        name = names.room_name(name)

        def work(connection: DbConnection) -> tuple[Room, Effects]:
            room = admin_rooms.by_name(connection, name)
            retention_store.set_limits(
                connection, room.id, days=days, events=events, keep_pinned=keep_pinned
            )
            return admin_rooms.by_name(connection, name), Effects()

        data = {"days": days} if days is not None else {"events": events}
        if not keep_pinned:
            data["keep_pinned"] = False
        lifted = days is None and events is None
        audited = (
            self._audit_log.audited(by, "room.lift_retention", name)
            if lifted
            else self._audit_log.audited(by, "room.set_retention", name, data)
        )
        room = await self._audit_log.run(audited, self._write(audited, work))
        self._retention.wake()
        return room

    async def _write(self, audited: AuditedDatabase, work: Work[tuple[Room, Effects]]) -> Room:
        return await self._transactions.using(audited).write(work)
