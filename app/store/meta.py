"""Facts about the installation itself."""

import secrets

import sqlalchemy as sa

from app.store.tables import meta

_EPOCH = "epoch"


def epoch(connection: sa.Connection) -> str:
    """The name of this history: clients that know another one start afresh."""
    found: str = connection.execute(
        sa.select(meta.c.value).where(meta.c.key == _EPOCH)
    ).scalar_one()
    return found


def new_epoch(connection: sa.Connection) -> str:
    """Begin another history: what clients remember of the one before is not of this."""
    value = fresh_epoch()
    connection.execute(sa.update(meta).where(meta.c.key == _EPOCH).values(value=value))
    return value


def fresh_epoch() -> str:
    """A name that no history has had."""
    return secrets.token_hex(6)
