"""Invitations to rooms. The code is stored as a hash, so that the table gives away none."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from ..domain.ids import Millis, RoomId, UserId
from .database import DbConnection
from .tables import invites, users


class Invite(NamedTuple):
    """An invitation, without its code."""

    id: int
    room: RoomId
    created_by: str
    created_at: Millis
    expires_at: Millis | None
    max_uses: int | None
    uses: int


_INVITES = sa.select(
    invites.c.id,
    invites.c.room_id,
    users.c.username,
    invites.c.created_at,
    invites.c.expires_at,
    invites.c.max_uses,
    invites.c.uses,
).join(users, users.c.id == invites.c.created_by)


def insert(
    connection: DbConnection,
    room: RoomId,
    *,
    code_hash: bytes,
    by: UserId,
    at: Millis,
    expires_at: Millis | None,
    max_uses: int | None,
) -> Invite:
    """Create an invitation to a room."""
    statement = sa.insert(invites).values(
        room_id=room,
        code_hash=code_hash,
        created_by=by,
        created_at=at,
        expires_at=expires_at,
        max_uses=max_uses,
    )
    id_ = connection.execute(statement.returning(invites.c.id)).scalar_one()
    return Invite._make(connection.execute(_INVITES.where(invites.c.id == id_)).one())


def page(
    connection: DbConnection, room: RoomId, *, at: Millis, before: int | None, limit: int
) -> Sequence[Invite]:
    """Return a page of a room's invitations that can be used, newest first, before ``before``."""
    statement = _INVITES.where(invites.c.room_id == room, _usable(at))
    if before is not None:
        statement = statement.where(invites.c.id < before)
    rows = connection.execute(statement.order_by(invites.c.id.desc()).limit(limit))
    return [Invite._make(row) for row in rows]


def by_code(connection: DbConnection, code_hash: bytes, at: Millis) -> Invite | None:
    """Return the invitation with this code; None if there is none or it can't be used."""
    statement = _INVITES.where(invites.c.code_hash == code_hash, _usable(at))
    row = connection.execute(statement).one_or_none()
    return None if row is None else Invite._make(row)


def use(connection: DbConnection, id_: int, at: Millis) -> bool:
    """
    Count a use. Return False if the invitation can't be used any more.

    The check and the count are one statement: of two concurrent uses, one gets the last.
    """
    statement = (
        sa.update(invites)
        .where(invites.c.id == id_, _usable(at))
        .values(uses=invites.c.uses + 1)
        .returning(invites.c.id)
    )
    return connection.execute(statement).one_or_none() is not None


def revoke(connection: DbConnection, room: RoomId, id_: int, at: Millis) -> None:
    """Revoke an invitation of this room. Idempotent."""
    connection.execute(
        sa.update(invites)
        .where(invites.c.id == id_, invites.c.room_id == room, invites.c.revoked_at.is_(None))
        .values(revoked_at=at)
    )


def _usable(at: Millis) -> sa.ColumnElement[Any]:
    return sa.and_(
        invites.c.revoked_at.is_(None),
        sa.or_(invites.c.expires_at.is_(None), invites.c.expires_at > at),
        sa.or_(invites.c.max_uses.is_(None), invites.c.uses < invites.c.max_uses),
    )
