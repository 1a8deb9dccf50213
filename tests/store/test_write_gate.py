"""A database whose writes can be refused: all of them, and none of the reads."""

import asyncio

import pytest

from app.domain.errors import Unavailable
from app.store import epoch
from app.store.database import Database
from app.store.write_gate import WriteGate, waits_for_move
from tests.harness.databases import GatedDatabase
from tests.harness.patience import turns


async def test_writes_are_refused_while_it_is_shut(database: Database) -> None:
    gate = WriteGate(database)
    async with gate.shut():
        with pytest.raises(Unavailable):
            await gate.write(epoch.renew)
        with pytest.raises(Unavailable):
            await gate.write_log(epoch.renew)
        assert await gate.read(epoch.read) == await database.read(epoch.read)

    assert await gate.write(epoch.renew) == await gate.read(epoch.read)
    assert not gate.is_shut_for_good


async def test_it_waits_for_the_writes_that_are_running(database: Database) -> None:
    held = GatedDatabase(database)
    gate = WriteGate(held)

    async def shut() -> str:
        async with gate.shut():
            return await gate.read(epoch.read)

    with held.holding_write_results():
        writing = asyncio.create_task(gate.write(epoch.renew))
        await turns()
        shutting = asyncio.create_task(shut())
        await turns()
        assert not shutting.done()
    assert await shutting == await writing


async def test_it_can_stay_shut(database: Database) -> None:
    gate = WriteGate(database)
    async with gate.shut():
        gate.stay_shut()

    with pytest.raises(Unavailable):
        await gate.write(epoch.renew)
    assert gate.is_shut_for_good


async def test_a_refusal_is_told_from_an_outage(database: Database) -> None:
    gate = WriteGate(database)
    async with gate.shut():
        with pytest.raises(Unavailable) as refused:
            await gate.write(epoch.renew)

    assert waits_for_move(refused.value)
    assert not waits_for_move(Unavailable())
