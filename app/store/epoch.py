"""
The epoch: the name of this history of the installation.

Clients that remember another epoch start afresh, because what they know is not part of this one.
"""

import secrets

import sqlalchemy as sa

from .database import DbConnection
from .tables import meta

_KEY = "epoch"


def read(connection: DbConnection) -> str:
    """Return the epoch."""
    found: str = connection.execute(sa.select(meta.c.value).where(meta.c.key == _KEY)).scalar_one()
    return found


def renew(connection: DbConnection) -> str:
    """Begin another history, and return its epoch."""
    value = generate()
    connection.execute(sa.update(meta).where(meta.c.key == _KEY).values(value=value))
    return value


def generate() -> str:
    """Return a new epoch, which no history has had."""
    return secrets.token_hex(6)
