"""
Pages of messages as HTTP answers them: finished bytes.

Those who ask for the same page at the same moment share it. As long as its room stands where it
stood, it is neither read nor encoded again: whatever changes a message takes a number of the
room's log. Whether one may read is decided each time, on the snapshot that says where the room
stands.
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
from ...wire.messages import page_json
from ..rooms.room_directory import RoomDirectory


class PageKey(NamedTuple):
    """Which messages are asked for: before, after or around a ``seq``, or the newest."""

    room: RoomId
    name: str
    before: int | None
    after: int | None
    around: int | None
    limit: int


class _Shown(NamedTuple):
    """A page as it was when its room stood there; ``names`` as in :class:`MessagePages`."""

    body: bytes
    head: int
    first: int
    names: int

    @property
    def size(self) -> int:
        return len(self.body) + KEPT_PAGE_OVERHEAD_BYTES

    def is_of(self, access: RoomAccess) -> bool:
        return (self.head, self.first) == (access.head, access.first)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A page that a user asks for, with what the event loop knew when it was asked for."""

    user: UserId
    key: PageKey
    kept: _Shown | None = field(compare=False)
    """The page as it is kept, which may be stale."""
    names: int = field(compare=False)
    """Counted before the snapshot is taken, so that a name that changes later is noticed."""


class MessagePages:
    """Pages of messages, for those who may read them."""

    def __init__(
        self,
        database: Database,
        *,
        directory: RoomDirectory,
        now: Callable[[], Millis],
        kept_page_bytes: int = KEPT_PAGE_BYTES,
        kept_pages_bytes: int = KEPT_PAGES_BYTES,
    ) -> None:
        # Where other nodes write, a name may be gone before this node hears of it.
        self._keeps = not database.shared
        self._directory = directory
        self._kept_page_bytes = kept_page_bytes
        self._kept_pages_limit = kept_pages_bytes
        self._now = now
        # Not together with log-ins, which must not wait for pages.
        self._pages: Loader[_Asked, _Shown | ParleyError] = Loader(
            BatchLoader(database), self._load
        )
        # The last one to be asked for is the last to go.
        self._kept: OrderedDict[PageKey, _Shown] = OrderedDict()
        self._kept_bytes = 0
        # Counts what no room's log tells: names that are gone.
        self._names = 0

    async def get(
        self,
        me: UserId,
        name: str,
        *,
        before: int | None = None,
        after: int | None = None,
        around: int | None = None,
        limit: int,
    ) -> bytes:
        """
        The messages before, after or around a ``seq``; the newest, if none is given.

        Raises:
            Invalid: If more than one is given.
            RoomNotFound: If there is no such room, or it is not for them to know.
            Banned: From a public room.
            Unavailable: If the database can't be read now.

        """
        if sum(seq is not None for seq in (before, after, around)) > 1:
            raise Invalid.field("before", "only one of before, after and around can be given")
        room = self._directory.known(name) or await self._directory.find(name)
        key = PageKey(room, name.lower(), before, after, around, limit)
        found = await self._pages.get(_Asked(me, key, self._kept.get(key), self._names))
        if not isinstance(found, _Shown):
            raise found or RoomNotFound()
        self._keep(key, found)
        return found.body

    def on_names_changed(self, _: None) -> None:
        """Somebody is called otherwise."""
        self._names += 1
        self._kept.clear()
        self._kept_bytes = 0

    def _load(
        self, connection: DbConnection, asked: Sequence[_Asked]
    ) -> dict[_Asked, _Shown | ParleyError]:
        # In a database thread: what the event loop owns came with each request.
        found = room_access.load(connection, {(one.key.room, one.user) for one in asked})
        shown: dict[PageKey, _Shown] = {}
        answers: dict[_Asked, _Shown | ParleyError] = {}
        for one in asked:
            key = one.key
            try:
                access = authorize_read(found.get((key.room, one.user)), self._now())
            except ParleyError as exc:
                answers[one] = exc.with_traceback(None)
                continue
            page = shown.get(key) or one.kept
            if page is None or not page.is_of(access):
                read = _page(connection, key)
                page = _Shown(page_json(read, key.name), read.head, read.first, one.names)
            answers[one] = shown[key] = page
        return answers

    def _keep(self, key: PageKey, page: _Shown) -> None:
        if not self._keeps or page.names != self._names or len(page.body) > self._kept_page_bytes:
            return
        before = self._kept.pop(key, None)
        self._kept[key] = page
        self._kept_bytes += page.size - (0 if before is None else before.size)
        while self._kept_bytes > self._kept_pages_limit:
            _, oldest = self._kept.popitem(last=False)
            self._kept_bytes -= oldest.size


def _page(connection: DbConnection, key: PageKey) -> MessagePage:
    if key.after is not None:
        return messages.after(connection, key.room, key.after, key.limit)
    if key.around is not None:
        return messages.around(connection, key.room, key.around, key.limit)
    return messages.before(connection, key.room, key.before, key.limit)
