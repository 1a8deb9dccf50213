"""
The names of erased accounts, which are never given to another account.

They are kept as keyed hashes (HMAC-SHA256), with a random key of this installation in ``meta``. So
the names can't be read from the database; who has the database can still test a guess.
"""

import hmac

import sqlalchemy as sa

from .database import DbConnection
from .tables import erased_names, meta

_KEY = "erased_names_key"


def add(connection: DbConnection, name: str) -> None:
    """Never give ``name`` to another account."""
    connection.execute(sa.insert(erased_names).values(hash=_hash(connection, name)))


def contains(connection: DbConnection, name: str) -> bool:
    """Whether an account of this name was erased."""
    hashed = _hash(connection, name)
    found = connection.execute(
        sa.select(erased_names.c.hash).where(erased_names.c.hash == hashed)
    ).first()
    return found is not None


def _hash(connection: DbConnection, name: str) -> str:
    key = connection.execute(sa.select(meta.c.value).where(meta.c.key == _KEY)).scalar_one()
    return hmac.digest(bytes.fromhex(key), name.encode(), "sha256").hex()
