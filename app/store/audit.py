"""The audit log: what administrators and the operator did, on whom, and when. Append-only."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orjson
import sqlalchemy as sa

from ..domain.ids import Millis, UserId
from .database import DbConnection
from .tables import audit, users


class AuditRecord(NamedTuple):
    """An action of an administrator or the operator, to be written."""

    at: Millis
    by: UserId | None
    """None: the operator, from the command line."""
    action: str
    target: str
    data: Mapping[str, Any] | None = None
    """Details that depend on the action."""


class Entry(NamedTuple):
    """An entry of the audit log."""

    id: int
    at: Millis
    by: str | None
    """The administrator's present name; None: the operator, from the command line."""
    action: str
    target: str
    """A name, as it was at the time."""
    data: dict[str, Any] | None


_COLUMNS = (audit.c.id, audit.c.at, users.c.username)
_ENTRIES = sa.select(*_COLUMNS, audit.c.action, audit.c.target, audit.c.data).join_from(
    audit, users, users.c.id == audit.c.by, isouter=True
)


def insert(connection: DbConnection, record: AuditRecord) -> None:
    """Record an action, in the transaction that carries it out."""
    data = None if record.data is None else orjson.dumps(record.data).decode()
    connection.execute(sa.insert(audit).values(**{**record._asdict(), "data": data}))


def page(connection: DbConnection, *, before: int | None = None, limit: int) -> Sequence[Entry]:
    """Return a page of the entries, newest first, before the one with the id ``before``."""
    statement = _ENTRIES.order_by(audit.c.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(audit.c.id < before)
    found = map(Entry._make, connection.execute(statement))
    # ``data`` is stored as text.
    return [
        entry if entry.data is None else entry._replace(data=orjson.loads(str(entry.data)))
        for entry in found
    ]
