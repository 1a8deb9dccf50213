"""The contract of leases, on both engines: one holder at a time, by the clock of the database."""

import asyncio

import pytest

from app.store import leases
from app.store.database import Database, DbConnection
from app.store.leases import HeldLease, LeaseLost

HOUR = 3_600_000


async def acquires(database: Database, holder: str, name: str = "mail") -> HeldLease | None:
    return await database.write(lambda c: leases.acquire(c, name, holder, HOUR))


async def expires(database: Database) -> None:
    """Let the time of every lease be over."""
    await database.write(lambda c: c.run("UPDATE leases SET expires_at = 1", {}))


async def test_one_holder_at_a_time(database: Database) -> None:
    assert await acquires(database, "a") == HeldLease("mail", 1)

    assert await acquires(database, "b") is None
    assert await acquires(database, "b", "other") == HeldLease("other", 1)


async def test_of_those_who_ask_at_once_one_gets_it(file_database: Database) -> None:
    for _ in range(5):
        found = await asyncio.gather(*(acquires(file_database, f"{n}") for n in range(8)))
        assert len([held for held in found if held is not None]) == 1
        await expires(file_database)


async def test_an_expired_lease_is_taken_over_with_a_higher_number(database: Database) -> None:
    one = await acquires(database, "a")
    assert one is not None
    await expires(database)

    two = await acquires(database, "b")

    assert two == HeldLease("mail", 2)
    assert not await database.write(lambda c: leases.renew(c, one, HOUR))
    await database.write(lambda c: leases.release(c, one))
    assert await database.write(lambda c: leases.renew(c, two, HOUR))


async def test_it_expires_by_itself_and_can_be_renewed_until_another_takes_it(
    database: Database,
) -> None:
    held = await database.write(lambda c: leases.acquire(c, "mail", "a", 0))
    assert held is not None

    # It has expired at once, and no one has asked for it.
    assert await database.write(lambda c: leases.renew(c, held, 0))
    assert await acquires(database, "b") == HeldLease("mail", 2)
    assert not await database.write(lambda c: leases.renew(c, held, HOUR))


async def test_a_released_lease_is_free_at_once(database: Database) -> None:
    held = await acquires(database, "a")
    assert held is not None

    await database.write(lambda c: leases.release(c, held))

    assert not await database.write(lambda c: leases.renew(c, held, HOUR))
    assert await acquires(database, "b") == HeldLease("mail", 2)


async def test_what_a_frozen_holder_writes_afterwards_is_undone(database: Database) -> None:
    frozen = await acquires(database, "a")
    assert frozen is not None

    def deliver(connection: DbConnection) -> None:
        connection.run("INSERT INTO meta (key, value) VALUES ('delivered', 'x')", {})
        leases.require(connection, frozen)

    await expires(database)
    # No one else has it: nothing is wrong yet.
    await database.write(lambda c: leases.require(c, frozen))
    await acquires(database, "b")

    with pytest.raises(LeaseLost):
        await database.write(deliver)

    query = "SELECT 1 FROM meta WHERE key = 'delivered'"
    assert await database.read(lambda c: len(c.rows(query, {}))) == 0


async def test_a_lease_that_was_released_is_not_required_again(database: Database) -> None:
    held = await acquires(database, "a")
    assert held is not None
    await database.write(lambda c: leases.release(c, held))

    with pytest.raises(LeaseLost):
        await database.write(lambda c: leases.require(c, held))
