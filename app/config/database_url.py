"""
Database URLs: parse what platforms provide into what the store needs.

Pure: nothing is opened. The store chooses the driver, so ``postgres://``,
``postgresql+psycopg://`` and ``postgresql://`` mean the same.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

_SQLITE = frozenset({"sqlite", "sqlite+aiosqlite", "sqlite+pysqlite"})
_POSTGRESQL = frozenset({"postgres", "postgresql"}) | {
    f"{name}+{driver}"
    for name in ("postgres", "postgresql")
    for driver in ("asyncpg", "psycopg", "psycopg2")
}
# Parameters of libpq that asyncpg rejects when it connects.
_LIBPQ_ONLY = frozenset({"channel_binding", "gssencmode", "target_session_attrs"})

_EXAMPLES = "sqlite:///data/parley.db, sqlite:// (in memory) or postgresql://user@host/name"


@dataclass(frozen=True, slots=True)
class DatabaseUrl:
    """A parsed database URL."""

    kind: Literal["sqlite", "postgresql"]

    url: str = field(repr=False)
    """``sqlite:////absolute/path``, ``sqlite://`` (in memory) or ``postgresql+asyncpg://…``."""

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
        parts = urlsplit(text)
        try:
            port = parts.port
        except ValueError:
            raise ValueError("has a port that is not a number") from None
        if not parts.path.strip("/"):
            raise ValueError("names no database: postgresql://user@host/name")
        query = [
            ("ssl" if name == "sslmode" else name, value)
            for name, value in parse_qsl(parts.query, keep_blank_values=True)
            if name not in _LIBPQ_ONLY
        ]
        parameters = f"?{urlencode(query, safe='/')}" if query else ""
        url = f"postgresql+asyncpg://{parts.netloc}{parts.path}{parameters}"
        host = parts.hostname or dict(query).get("host", "localhost")
        shown = f"postgresql://{host}{f':{port}' if port else ''}{unquote(parts.path)}"
        return cls("postgresql", url, None, shown)
