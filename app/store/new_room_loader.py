"""Loads what the creation of rooms may depend on: names that are taken, and ids."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..domain.appends import CreateRoom, OpenDirect
from ..domain.decide_rooms import direct_key
from ..domain.ids import RoomId
from ..domain.working_set import WorkingSet
from .bulk import BulkStatement
from .database import DbConnection
from .query import Query

_ROOM_NAMES = BulkStatement(
    "SELECT rooms.name, rooms.id FROM {keys} JOIN rooms ON rooms.name = k.name", name="text"
)
_DIRECT_KEYS = BulkStatement(
    "SELECT rooms.direct_key, rooms.id FROM {keys} JOIN rooms ON rooms.direct_key = k.name",
    name="text",
)

_NEXT_ID = Query("SELECT nextval(pg_get_serial_sequence('rooms', 'id'))")
_LAST_ID = Query("SELECT coalesce(max(id), 0) FROM rooms")


def ask_for_new_rooms(
    connection: DbConnection, making: Sequence[CreateRoom | OpenDirect]
) -> Callable[[WorkingSet], None]:
    """Ask for what the creation of rooms depends on; the result puts it into the working set."""
    if not making:
        return lambda ws: None
    names = _ROOM_NAMES.rows(connection, {(a.name,) for a in making})
    pairs = [(a.by, a.user) for a in making if isinstance(a, OpenDirect) and a.by is not None]
    direct: Sequence[Any] = ()
    if pairs:
        direct = _DIRECT_KEYS.rows(connection, {(direct_key(*pair),) for pair in pairs})

    def fill(ws: WorkingSet) -> None:
        ws.room_names |= dict(names)
        ws.direct_rooms |= dict(direct)
        ws.room_ids = _new_room_ids(connection)

    return fill


def _new_room_ids(connection: DbConnection) -> Iterator[RoomId]:
    if not connection.is_only_writer:
        while True:
            ((id_,),) = _NEXT_ID.rows(connection)
            yield RoomId(id_)
    # Rooms are never deleted.
    ((top,),) = _LAST_ID.rows(connection)
    while True:
        top += 1
        yield RoomId(top)
