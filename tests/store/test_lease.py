"""Work that one of several nodes does: begun once, ended when the lease is lost, handed over."""

import asyncio
from contextlib import suppress

import pytest

from app.domain.errors import Unavailable
from app.store.database import Database
from app.store.lease import Lease
from app.store.leases import HeldLease
from tests.harness.databases import GatedDatabase
from tests.harness.patience import until

QUICK = {"renew_seconds": 0.005}
"""Looks often, and holds for much longer than a test takes."""


class Node:
    """A node that wants the lease, and notes what it was given."""

    def __init__(self, database: Database, **seconds: float) -> None:
        self.began: list[int] = []
        self.ended: list[int] = []
        lease = Lease(database, "mail", **{"seconds": 3_600, **QUICK, **seconds})
        self.task = asyncio.create_task(lease.run(self._work))

    @property
    def works(self) -> bool:
        return len(self.began) > len(self.ended)

    async def stops(self) -> None:
        self.task.cancel()
        with suppress(asyncio.CancelledError):
            await self.task

    async def _work(self, held: HeldLease) -> None:
        self.began.append(held.number)
        try:
            await asyncio.Event().wait()
        finally:
            self.ended.append(held.number)


async def test_one_node_works_and_hands_over_when_it_stops(database: Database) -> None:
    nodes = [Node(database) for _ in range(3)]
    for number in (1, 2, 3):
        await until(lambda: any(node.works for node in nodes))
        [working] = [node for node in nodes if node.works]
        assert working.began == [number]

        await working.stops()

        assert not working.works
        nodes.remove(working)


async def test_work_ends_when_another_has_the_lease(database: Database) -> None:
    node = Node(database)
    await until(lambda: node.works)

    # As if it had been frozen for longer than the lease.
    taken = "UPDATE leases SET number = number + 1, holder = 'other'"
    await database.write(lambda c: c.run(taken, {}))
    await until(lambda: not node.works)
    assert node.began == [1]

    # It is asked for again, and had when the other one is gone.
    await database.write(lambda c: c.run("UPDATE leases SET expires_at = 1", {}))
    await until(lambda: node.works)
    assert node.began == [1, 3]
    await node.stops()


async def test_work_ends_before_the_lease_does_if_it_cannot_be_renewed(
    gated: GatedDatabase,
) -> None:
    node = Node(gated, seconds=0.2)
    await until(lambda: node.works)
    gated.fails_with = Unavailable()

    await until(lambda: not node.works)

    assert node.began == node.ended == [1]
    gated.fails_with = None
    await until(lambda: node.works)
    assert node.began == [1, 2]
    await node.stops()


async def test_a_renewal_that_hangs_ends_the_work_in_time(gated: GatedDatabase) -> None:
    node = Node(gated, seconds=0.2)
    await until(lambda: node.works)

    with gated.holding_writes():
        await until(lambda: not node.works)

    await node.stops()


async def test_it_waits_for_a_database_that_is_away(gated: GatedDatabase) -> None:
    gated.fails_with = Unavailable()
    node = Node(gated)
    asked = gated.writes
    await until(lambda: gated.writes > asked + 1)

    gated.fails_with = None

    await until(lambda: node.works)
    await node.stops()


@pytest.mark.parametrize("fails", [False, True])
async def test_work_that_ends_releases_the_lease(database: Database, fails: bool) -> None:
    async def work(_held: HeldLease) -> None:
        if fails:
            raise KeyError("a bug")

    lease = Lease(database, "mail", seconds=3_600, **QUICK)
    if fails:
        with pytest.raises(KeyError):
            await lease.run(work)
    else:
        await lease.run(work)

    other = Node(database)
    await until(lambda: other.works)
    assert other.began == [2]
    await other.stops()
