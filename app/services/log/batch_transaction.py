"""
One batch of appends as one transaction: lock, load, decide in order, write.

Runs in a database thread, and touches nothing but its arguments. The transaction is the caller's.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ...domain.appends import Append, Committed
from ...domain.decide import decide
from ...domain.errors import ParleyError, Unavailable
from ...domain.events import Event, EventBatch, users_of
from ...domain.idempotency import first_result
from ...domain.ids import RoomId, UserId
from ...domain.working_set import WorkingSet
from ...store import log_writer, read_markers, working_set_loader
from ...store.database import DbConnection
from ...store.read_markers import Mark
from ...store.usernames import usernames

AppendResult = Committed | ParleyError
"""What was committed, or why the append was refused."""


_LOCKED = Unavailable()


class CommitResult(NamedTuple):
    """What a transaction has done: an outcome per append, an event batch per room."""

    outcomes: list[AppendResult]
    event_batches: list[EventBatch]
    locked: frozenset[RoomId] = frozenset()
    """Rooms that are locked elsewhere. Appends to them were not decided: ignore their outcome."""


def commit(
    connection: DbConnection,
    appends: Sequence[Append],
    marks: Sequence[Mark] = (),
    *,
    skip_locked: bool = False,
    before_commit: Callable[[], None] | None = None,
) -> CommitResult:
    """
    Decide and write one batch, in the caller's transaction. Blocks; runs in a database thread.

    Args:
        skip_locked: Whether to leave out rooms that are locked elsewhere; if not, wait.
        before_commit: Called in this thread when only COMMIT is left to do.

    """
    outcomes: list[AppendResult] = []
    event_batches: list[EventBatch] = []
    locked: frozenset[RoomId] = frozenset()
    if appends:
        ws = working_set_loader.load(connection, appends, skip_locked=skip_locked)
        locked = frozenset(ws.locked_elsewhere)
        outcomes = [_LOCKED if a.room in locked else _decide(ws, a) for a in appends]
        log_writer.save(connection, ws)
        event_batches = _event_batches(connection, ws)
    if marks:
        read_markers.save(connection, marks)
    if before_commit is not None:
        before_commit()
    return CommitResult(outcomes, event_batches, locked)


def read_back(
    connection: DbConnection, appends: Sequence[Append], decided: Sequence[AppendResult]
) -> CommitResult:
    """
    Find which appends a transaction of unknown outcome has committed, by their client ids.

    Waits for the locks of that transaction, so that it is over. Writes nothing.

    Args:
        decided: What that transaction has decided of each append.

    """
    ws = working_set_loader.load(connection, [a for a in appends if a.client_id is not None])

    def outcome(append: Append, before: AppendResult) -> AppendResult:
        try:
            found = first_result(ws, append)
        except ParleyError as exc:
            return exc.with_traceback(None)
        if found is None:
            return Unavailable()
        # A retry, if that transaction has found it to be one, or another one has stored it since.
        is_new = (
            isinstance(before, Committed) and not before.duplicate and (before.seq == found.seq)
        )
        return found._replace(duplicate=not is_new)

    return CommitResult([*map(outcome, appends, decided)], [])


def _decide(ws: WorkingSet, append: Append) -> AppendResult:
    try:
        return decide(ws, append)
    except ParleyError as exc:
        # Raised again in another task: the traceback would keep the whole batch alive.
        return exc.with_traceback(None)


def _event_batches(connection: DbConnection, ws: WorkingSet) -> list[EventBatch]:
    by_room: dict[RoomId, list[Event]] = {}
    for event in ws.events:
        by_room.setdefault(event.room, []).append(event)
    known: dict[UserId, str] = {p.user: p.username for p in ws.people.values()}
    known |= {user: name for (_, name), user in ws.mentionable.items()}
    unknown = {
        user for e in ws.events if e.data is not None for user in users_of(e) if user not in known
    }
    if unknown:
        known |= usernames(connection, unknown)
    return [
        EventBatch(room, ws.rooms[room].name, ws.rooms[room].kind, events, known)
        for room, events in by_room.items()
    ]
