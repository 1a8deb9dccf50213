"""Who used the powers of an operator, on whom, and when. Append-only."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orjson
import sqlalchemy as sa

from app.domain.ids import Millis, UserId
from app.store.tables import audit, users


class AuditRecord(NamedTuple):
    """Something that an administrator or the operator did."""

    at: Millis
    by: UserId | None
    """None: the operator, from the command line."""
    action: str
    target: str
    data: Mapping[str, Any] | None = None
    """What else there is to say of it."""


class Entry(NamedTuple):
    """An act, as it was written down."""

    id: int
    at: Millis
    by: str | None
    """What the administrator is called now; None: the operator, from the command line."""
    action: str
    target: str
    """The name at the time."""
    data: dict[str, Any] | None


_COLUMNS = (audit.c.id, audit.c.at, users.c.username)
_ENTRIES = sa.select(*_COLUMNS, audit.c.action, audit.c.target, audit.c.data).join_from(
    audit, users, users.c.id == audit.c.by, isouter=True
)


def insert(connection: sa.Connection, act: AuditRecord) -> None:
    """Write down what is done in this transaction."""
    data = None if act.data is None else orjson.dumps(act.data).decode()
    connection.execute(sa.insert(audit).values(**{**act._asdict(), "data": data}))


def page(connection: sa.Connection, *, before: int | None = None, limit: int) -> Sequence[Entry]:
    """The entries before the one numbered ``before``, the newest first."""
    statement = _ENTRIES.order_by(audit.c.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(audit.c.id < before)
    found = map(Entry._make, connection.execute(statement))
    # As stored it is text.
    return [
        entry if entry.data is None else entry._replace(data=orjson.loads(str(entry.data)))
        for entry in found
    ]
