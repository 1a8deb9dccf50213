"""
Leases: names that one holder at a time has, by the clock of the database.

A holder can be frozen, and go on after its lease has expired. The number, which grows with each
holder, tells: a transaction that depends on a lease calls :func:`require` first.
"""

from typing import NamedTuple

from .database import DbConnection
from .database_clock import at_now

_ACQUIRE = (
    "INSERT INTO leases (name, holder, number, expires_at)"
    " VALUES (:name, :holder, 1, {now} + :millis)"
    " ON CONFLICT (name) DO UPDATE SET holder = excluded.holder,"
    " number = leases.number + 1, expires_at = excluded.expires_at"
    " WHERE leases.expires_at <= {now}"
)
_NUMBER = "SELECT number FROM leases WHERE name = :name AND holder = :holder"
_RENEW = (
    "UPDATE leases SET expires_at = {now} + :millis WHERE name = :name AND number = :number"
    " AND expires_at > 0"
)
_RELEASE = "UPDATE leases SET expires_at = 0 WHERE name = :name AND number = :number"
_IS_HELD = "SELECT 1 FROM leases WHERE name = :name AND number = :number AND expires_at > 0{lock}"


class HeldLease(NamedTuple):
    """A lease as its holder knows it. Others may have it by now: see :func:`require`."""

    name: str
    number: int
    """Higher than that of every holder before."""


class LeaseLost(Exception):
    """Another holder has the lease, or had it. Nothing was written."""


def acquire(connection: DbConnection, name: str, holder: str, millis: int) -> HeldLease | None:
    """
    Take a lease that is free or has expired; None: another holder has it.

    Args:
        holder: A name that no other attempt to take the lease has.
        millis: How long it is held, unless it is renewed.

    """
    connection.run(
        at_now(connection, _ACQUIRE), {"name": name, "holder": holder, "millis": millis}
    )
    for (number,) in connection.rows(_NUMBER, {"name": name, "holder": holder}):
        return HeldLease(name, number)
    return None


def renew(connection: DbConnection, held: HeldLease, millis: int) -> bool:
    """Hold a lease for ``millis`` from now; False: it is lost."""
    values = held._asdict()
    connection.run(at_now(connection, _RENEW), {**values, "millis": millis})
    return bool(connection.rows(_IS_HELD.format(lock=""), values))


def release(connection: DbConnection, held: HeldLease) -> None:
    """Let others have it at once. Without effect if they have it already."""
    connection.run(_RELEASE, held._asdict())


def require(connection: DbConnection, held: HeldLease) -> None:
    """
    Check that no other holder has the lease, and keep it so until the transaction ends.

    Raises:
        LeaseLost: If another holder has or had it, or it was released.

    """
    lock = "" if connection.is_only_writer else " FOR SHARE"
    if not connection.rows(_IS_HELD.format(lock=lock), held._asdict()):
        raise LeaseLost
