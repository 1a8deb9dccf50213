"""Counters in the database: of all nodes, for a limited time."""

import time

import pytest

from app.domain.errors import RateLimited
from app.services.accounts.database_counters import DatabaseCounters
from app.services.accounts.login_throttle import LoginThrottle
from app.store import counters
from app.store.database import Database, DbConnection
from tests.harness.patience import patience
from tests.harness.server import open_server

ADDRESS = "192.0.2.1"


def throttle(database: Database) -> LoginThrottle:
    return LoginThrottle(
        failed_logins_per_minute=2,
        registrations_per_minute=2,
        counters=DatabaseCounters(database),
    )


async def test_failures_on_one_node_count_on_the_others(database: Database) -> None:
    one, two = throttle(database), throttle(database)

    await one.failed("alice", ADDRESS)
    await two.check("alice", ADDRESS)
    await two.failed("alice", ADDRESS)

    for node in (one, two):
        with pytest.raises(RateLimited) as refused:
            await node.check("alice", ADDRESS)
        assert 1 <= (refused.value.retry_after or 0) <= 60
    await one.check("bob", ADDRESS)


async def test_a_counter_begins_anew(database: Database) -> None:
    found = DatabaseCounters(database)
    assert await found.incr("a", 60) == 1
    assert await found.incr("a", 60, amount=2) == 3
    assert await found.get("a") == 3
    assert 58 < await found.get_expiry("a") - time.time() < 62

    assert await found.incr("b", 0) == 1
    async with patience("the counter to end"):
        while await found.get("b"):
            pass
    assert await found.incr("b", 60) == 1

    await found.clear("a")
    assert await found.get("a") == 0


async def test_counters_that_have_ended_are_deleted(database: Database) -> None:
    found = DatabaseCounters(database)
    await found.incr("kept", 60)
    await found.incr("ended", 0)

    def keys(connection: DbConnection) -> list[str]:
        return [key for (key,) in connection.rows("SELECT key FROM counters", {})]

    async with patience("the counter to end"):
        while len(left := await database.read(keys)) > 1:
            await database.write(counters.sweep)

    # Neither names nor addresses are stored.
    assert "kept" not in left[0]
    assert await found.get("kept") == 1


async def test_the_server_counts_failed_log_ins_of_all_nodes(database: Database) -> None:
    two_tries = {"accounts": {"failed_logins_per_minute": 2}}
    form = {"username": "ana", "password": "wrong password"}
    async with (
        open_server(database, counters=DatabaseCounters(database), limits=two_tries) as one,
        open_server(database, counters=DatabaseCounters(database), limits=two_tries) as two,
    ):
        answers = [await node.client.post("/token", data=form) for node in (one, two, one, two)]

    assert [answer.status_code for answer in answers] == [401, 401, 429, 429]
