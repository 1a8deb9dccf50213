"""
Pages of messages as encoded response bodies, kept until their room changes.

Concurrent requests for one page share it. A kept page is valid as long as the room's ``head`` and
``first`` are the same: whatever changes a message appends an event to the room's log. Access is
checked for each request, on the snapshot from which ``head`` and ``first`` are read.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ...domain.authorization import authorize_read
from ...domain.errors import Invalid, ParleyError, RoomNotFound
from ...domain.ids import Millis, RoomId, UserId
from ...domain.limits import KEPT_PAGE_BYTES, KEPT_PAGE_OVERHEAD_BYTES, KEPT_PAGES_BYTES
from ...domain.views import MessagePage, RoomAccess
from ...store import messages, room_access
from ...store.batch_loader import BatchLoader, Loader
from ...store.database import Database, DbConnection
from ...wire.event_encoding import trimmed
from ...wire.messages import page_json
from ..log.epoch import Epoch
from ..rooms.room_directory import RoomDirectory
from .history import check_epoch


class PageKey(NamedTuple):
    """Which messages to return: before, after or around a ``seq``, or the newest."""

    room: RoomId
    name: str
    before: int | None
    after: int | None
    around: int | None
    limit: int
    epoch: str


class _KeptPage(NamedTuple):
    """A page, and the state of the room and of the users' names that it was read from."""

    body: bytes
    head: int
    first: int
    names_version: int

    @property
    def size(self) -> int:
        return len(self.body) + KEPT_PAGE_OVERHEAD_BYTES

    def is_current(self, access: RoomAccess) -> bool:
        return (self.head, self.first) == (access.head, access.first)


@dataclass(frozen=True, slots=True)
class _PageRequest:
    """
    A request for a page, with copies of the event loop's state at that moment.

    Concurrent requests that compare equal share a result.
    """

    user: UserId
    key: PageKey
    kept: _KeptPage | None = field(compare=False)
    """The kept page, if any; it may be stale."""
    names_version: int = field(compare=False)
    """Read before the snapshot, so that a change of names during the read is noticed."""
    at: Millis = field(compare=False)


class MessagePages:
    """
    Pages of messages that the caller may read. Used in the event loop.

    Pages are kept only if this process is the only one that writes.
    """

    def __init__(
        self,
        database: Database,
        *,
        directory: RoomDirectory,
        epoch: Epoch,
        now: Callable[[], Millis],
        kept_page_bytes: int = KEPT_PAGE_BYTES,
        kept_pages_bytes: int = KEPT_PAGES_BYTES,
    ) -> None:
        # If other nodes write, a name can change in the database before this node is notified.
        self._keeps = not database.shared
        self._directory = directory
        self._epoch = epoch
        self._kept_page_bytes = kept_page_bytes
        self._kept_pages_limit = kept_pages_bytes
        self._now = now
        # A loader of its own, so that authentication doesn't wait for pages.
        self._pages: Loader[_PageRequest, _KeptPage | ParleyError] = Loader(
            BatchLoader(database), _load
        )
        # In order of use: the least recently used is dropped first.
        self._kept: OrderedDict[PageKey, _KeptPage] = OrderedDict()
        self._kept_bytes = 0
        # Counts changes of names, which append no events to the rooms' logs.
        self._names_version = 0

    async def get(
        self,
        me: UserId,
        name: str,
        *,
        before: int | None = None,
        after: int | None = None,
        around: int | None = None,
        epoch: str | None = None,
        limit: int,
    ) -> bytes:
        """
        The messages before, after or around a ``seq``, or the newest if none is given.

        Raises:
            Invalid: If more than one is given.
            RoomNotFound: If there is no such room, or the caller may not see it.
            Banned: If the room is public and the caller is banned.
            Conflict: If the ``seq`` belongs to another history, named by ``epoch``.
            Unavailable: If the database can't be read now.

        """
        if sum(seq is not None for seq in (before, after, around)) > 1:
            raise Invalid.field("before", "only one of before, after and around can be given")
        room = self._directory.known(name) or await self._directory.find(name)
        current = self._epoch.name
        key = PageKey(room, name.lower(), before, after, around, limit, current)
        request = _PageRequest(me, key, self._kept.get(key), self._names_version, self._now())
        found = await self._pages.get(request)
        if not isinstance(found, _KeptPage):
            raise found or RoomNotFound()
        check_epoch(epoch, current)
        self._keep(key, found)
        return found.body

    def on_names_changed(self, _: None) -> None:
        """Drop every kept page: they may show a name that was removed."""
        self._names_version += 1
        self._kept.clear()
        self._kept_bytes = 0

    def _keep(self, key: PageKey, page: _KeptPage) -> None:
        if not self._keeps or page.names_version != self._names_version:
            return
        if len(page.body) > self._kept_page_bytes:
            return
        before = self._kept.pop(key, None)
        self._kept[key] = page
        self._kept_bytes += page.size - (0 if before is None else before.size)
        while self._kept_bytes > self._kept_pages_limit:
            _, oldest = self._kept.popitem(last=False)
            self._kept_bytes -= oldest.size


def _load(
    connection: DbConnection, requests: Sequence[_PageRequest]
) -> dict[_PageRequest, _KeptPage | ParleyError]:
    # Runs in a database thread: the requests carry copies of the event loop's state.
    found = room_access.load(connection, {(one.key.room, one.user) for one in requests})
    pages: dict[PageKey, _KeptPage] = {}
    results: dict[_PageRequest, _KeptPage | ParleyError] = {}
    for request in requests:
        key = request.key
        try:
            access = authorize_read(found.get((key.room, request.user)), request.at)
        except ParleyError as exc:
            results[request] = exc.with_traceback(None)
            continue
        page = pages.get(key) or request.kept
        if page is None or not page.is_current(access):
            read = _read(connection, key)
            body = trimmed(page_json(read, key.name, key.epoch))
            page = _KeptPage(body, read.head, read.first, request.names_version)
        results[request] = pages[key] = page
    return results


def _read(connection: DbConnection, key: PageKey) -> MessagePage:
    if key.after is not None:
        return messages.after(connection, key.room, key.after, key.limit)
    if key.around is not None:
        return messages.around(connection, key.room, key.around, key.limit)
    return messages.before(connection, key.room, key.before, key.limit)
