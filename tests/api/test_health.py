"""Liveness and readiness."""

import os
from pathlib import Path
from typing import TypeVar

import pytest
import sqlalchemy as sa

from app.broker.base import CONNECTING, DEAF
from app.broker.memory import MemoryBroker
from app.domain.errors import Unavailable
from app.store.database import Database, Work
from tests.harness.databases import GatedDatabase, open_sqlite
from tests.harness.server import Server, open_server

T = TypeVar("T")

GOOD = {"status": "ok", "broker": "ok", "database": "ok", "migrations": "ok"}


async def test_a_working_server_is_alive_and_ready(server: Server) -> None:
    health, ready = await server.client.get("/health"), await server.client.get("/ready")

    assert (health.status_code, health.json()) == (200, {"status": "ok"})
    assert (ready.status_code, ready.json()) == (200, GOOD)
    assert health.headers["cache-control"] == "no-store"


async def test_without_its_database_a_server_is_alive_but_not_ready(gated: GatedDatabase) -> None:
    async with open_server(gated) as server:
        gated.fails_with = Unavailable()
        health, ready = await server.client.get("/health"), await server.client.get("/ready")
        gated.fails_with = None

    assert health.status_code == 200
    assert ready.status_code == 503
    assert ready.json() == {
        "status": "unavailable",
        "broker": "ok",
        "database": "unavailable",
        "migrations": "unknown",
    }


@pytest.mark.parametrize(("fault", "status"), [(CONNECTING, 503), (DEAF, 200)])
async def test_a_broker_that_was_never_reached_makes_it_not_ready_a_deaf_one_does_not(
    database: Database, fault: str, status: int
) -> None:
    broker = MemoryBroker()
    broker.fault = fault
    async with open_server(database, broker=broker) as server:
        ready = await server.client.get("/ready")

    assert (ready.status_code, ready.json()["broker"]) == (status, fault)


class UnwritableDatabase(GatedDatabase):
    """A database whose writes fail while :attr:`fails` is set."""

    fails = False

    async def write_log(
        self, work: Work[T], *, aside: bool = False, waiting_since: float | None = None
    ) -> T:
        if self.fails:
            raise Unavailable
        return await super().write_log(work, aside=aside, waiting_since=waiting_since)


async def test_failing_commits_make_it_not_ready_until_one_succeeds(database: Database) -> None:
    unwritable = UnwritableDatabase(database)
    async with open_server(unwritable) as server:
        line = await server.joins("ana", "general")
        await unwritable.quiet()
        unwritable.fails = True
        for _ in range(3):
            assert (await line.ask("send", text="x"))["code"] == "unavailable"
        failing = await server.client.get("/ready")
        unwritable.fails = False
        await line.ask("send", text="x")
        good = await server.client.get("/ready")

    assert (failing.status_code, failing.json()["database"]) == (503, "commits fail")
    assert good.status_code == 200


async def test_an_older_schema_makes_it_not_ready(server: Server) -> None:
    older = sa.text("UPDATE alembic_version SET version_num = '0001'")
    now = await server.database.read(
        lambda c: c.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one()
    )
    await server.database.write(lambda c: c.execute(older) and None)
    ready = await server.client.get("/ready")
    back = sa.text("UPDATE alembic_version SET version_num = :now")
    await server.database.write(lambda c: c.execute(back, {"now": now}) and None)

    assert (ready.status_code, ready.json()["migrations"]) == (503, "pending")


async def test_a_draining_server_is_not_ready(server: Server) -> None:
    await server.runtime.drain()

    ready = await server.client.get("/ready")

    assert (ready.status_code, ready.json()["server"]) == (503, "draining")


@pytest.mark.sqlite_only
async def test_a_deleted_file_makes_it_not_ready(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path / "p.db") as database, open_server(database) as server:
        os.unlink(tmp_path / "p.db")
        database.check_files()

        ready = await server.client.get("/ready")

    assert (ready.status_code, ready.json()["database"]) == (503, "replaced")
