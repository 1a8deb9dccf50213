"""
Database URLs: parse what platforms provide into what the store needs.

Pure: nothing is opened. The store has one driver, so ``postgres://``, ``postgresql+psycopg://``
and ``postgresql://`` mean the same.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

_SQLITE = frozenset({"sqlite", "sqlite+aiosqlite", "sqlite+pysqlite"})
_POSTGRESQL = frozenset({"postgres", "postgresql"}) | {
    f"{name}+{driver}"
    for name in ("postgres", "postgresql")
    for driver in ("asyncpg", "psycopg", "psycopg2")
}
# Meant for other programs' pools and ignored here: whether there is a pooler is found out.
_IGNORED = frozenset({"pgbouncer", "connection_limit", "pool_timeout"})

_PORT = re.compile(r"(\[[^\]]*\]|[^:\[\]]*)(:\d+)?")

# libpq would repeat the password in which it is.
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})|%00")

_EXAMPLES = "sqlite:///data/parley.db, sqlite:// (in memory) or postgresql://user@host/name"


@dataclass(frozen=True, slots=True)
class DatabaseUrl:
    """A parsed database URL."""

    kind: Literal["sqlite", "postgresql"]

    url: str = field(repr=False)
    """``sqlite:////absolute/path``, ``sqlite://`` (in memory) or ``postgresql://…``, for libpq."""

    path: Path | None = None
    """The database file; None for a database in memory or on a server."""

    shown: str = ""
    """The URL without user and password, for logs and messages."""

    @property
    def in_memory(self) -> bool:
        """Whether the database exists only in memory and is lost when the process ends."""
        return self.kind == "sqlite" and self.path is None

    @classmethod
    def parse(cls, text: str) -> Self:
        """
        Parse a URL, with or without a driver. A relative path starts at the working directory.

        Raises:
            ValueError: If Parley can't use the URL. The text never contains the URL.

        """
        scheme = text.partition("://")[0].lower()
        if scheme in _SQLITE:
            return cls._sqlite(text)
        if scheme in _POSTGRESQL:
            return cls._postgresql(text)
        raise ValueError(f"must be {_EXAMPLES}")

    @classmethod
    def file(cls, path: Path) -> Self:
        """The SQLite database in the file ``path``, which need not exist."""
        path = path.expanduser().absolute()
        url = f"sqlite:///{path}"
        return cls("sqlite", url, path, url)

    @classmethod
    def _sqlite(cls, text: str) -> Self:
        rest = text.partition("://")[2]
        if rest in ("", "/", "/:memory:"):
            return cls("sqlite", "sqlite://", None, "sqlite://")
        if "?" in rest or not rest.startswith("/") or rest.endswith("/"):
            raise ValueError("must be a file such as sqlite:///data/parley.db, without parameters")
        return cls.file(Path(rest[1:]))

    @classmethod
    def _postgresql(cls, text: str) -> Self:
        if _BAD_PERCENT.search(text):
            raise ValueError("has a percent sign that is not followed by two hexadecimal digits")
        parts = urlsplit(text)
        # libpq takes several hosts: h1:5432,h2:5433.
        hosts = parts.netloc.rpartition("@")[2]
        if not all(_PORT.fullmatch(host) for host in hosts.split(",")):
            raise ValueError("has a port that is not a number")
        query = [
            (name, value)
            for name, value in parse_qsl(parts.query, keep_blank_values=True)
            if name not in _IGNORED
        ]
        if not parts.path.strip("/") and "dbname" not in dict(query):
            raise ValueError("names no database: postgresql://user@host/name")
        # Not as a form: libpq takes a plus sign for a plus sign.
        parameters = f"?{urlencode(query, safe='/', quote_via=quote)}" if query else ""
        url = f"postgresql://{parts.netloc}{parts.path}{parameters}"
        host = hosts or dict(query).get("host", "localhost")
        name = unquote(parts.path) if parts.path.strip("/") else f"/{dict(query)['dbname']}"
        return cls("postgresql", url, None, f"postgresql://{host}{name}")
