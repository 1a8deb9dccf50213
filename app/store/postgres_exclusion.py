"""
That nothing else uses a PostgreSQL database during a move. A SQLite file has a lock for that.

Programs are told apart by ``application_name``: nodes and commands have the one of their URL, or
``parley``, and a move one of its own.
"""

import secrets
from urllib.parse import parse_qs, urlsplit

import sqlalchemy as sa

from ..domain.limits import PRESENCE_EXPIRY_SECONDS
from . import node_presence
from .database import DbConnection
from .errors import StoreError, display_name
from .table_pages import EVENTS, OTHERS

_PREFIX = "parley-move-"
_OTHERS = sa.text(
    "SELECT coalesce(sum(CASE WHEN application_name = :node THEN 1 ELSE 0 END), 0),"
    " coalesce(sum(CASE WHEN application_name LIKE :moves THEN 1 ELSE 0 END), 0)"
    " FROM pg_stat_activity WHERE datname = current_database() AND application_name <> :own"
)
_TABLES = ", ".join(table.name for table in (EVENTS, *OTHERS))
_LOCK = sa.text(f"LOCK TABLE {_TABLES} IN SHARE ROW EXCLUSIVE MODE")


class InUse(StoreError):
    """Nodes have the database open, whose URL they have."""

    def __init__(self, url: str, what: str) -> None:
        super().__init__(f"{display_name(url)} {what}")
        self.url = url


class MoveName:
    """The name that the connections of one move have."""

    def __init__(self) -> None:
        self._name = _PREFIX + secrets.token_hex(4)

    def url(self, url: str) -> str:
        """Return the URL of a PostgreSQL database with this name in it."""
        return f"{url}{'&' if '?' in url else '?'}application_name={self._name}"

    def refuse_moves(self, connection: DbConnection) -> None:
        """
        Return if no other move has this database open, as far as PostgreSQL tells.

        Raises:
            StoreError: If one has.

        """
        names = {"node": "", "moves": f"{_PREFIX}%", "own": self._name}
        _, moves = connection.execute(_OTHERS, names).one()
        if moves:
            raise StoreError("The database is being moved already, by another command.")

    def refuse_others(self, connection: DbConnection, url: str) -> None:
        """
        Return if nothing else of Parley has this database open, as far as PostgreSQL tells.

        Args:
            url: As the nodes have it.

        Raises:
            StoreError: If something has.

        """
        if connection.is_only_writer:
            return
        node = parse_qs(urlsplit(url).query).get("application_name", ["parley"])[-1]
        names = {"node": node, "moves": f"{_PREFIX}%", "own": self._name}
        nodes, moves = connection.execute(_OTHERS, names).one()
        if moves:
            raise StoreError(f"{display_name(url)} is being moved already, by another command.")
        if nodes:
            raise InUse(
                url, f"is in use by {nodes} connections named {node}. Stop all nodes first."
            )
        if entries := node_presence.count(connection):
            raise StoreError(
                f"{display_name(url)} has entries of {entries} nodes. Stop all nodes first; the "
                f"entry of a node that is gone expires within {PRESENCE_EXPIRY_SECONDS:.0f} s."
            )


def lock_tables(connection: DbConnection, *, seconds: float | None = None) -> None:
    """
    Let no other transaction write until this one ends.

    Args:
        seconds: How long others are waited for, after which it fails; None: any time.

    """
    if not connection.is_only_writer:
        if seconds is not None:
            connection.execute(sa.text(f"SET LOCAL lock_timeout = {int(seconds * 1_000)}"))
        connection.execute(_LOCK)
