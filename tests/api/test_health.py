"""Whether the process is alive, and whether it can do its work."""

import pytest
import sqlalchemy as sa

from app.domain.errors import Unavailable
from tests.harness.databases import GatedDatabase
from tests.harness.server import Server, open_server

GOOD = {"status": "ok", "broker": "ok", "database": "ok", "migrations": "ok"}


async def test_a_server_that_serves_is_alive_and_ready(server: Server) -> None:
    health, ready = await server.client.get("/health"), await server.client.get("/ready")

    assert (health.status_code, health.json()) == (200, {"status": "ok"})
    assert (ready.status_code, ready.json()) == (200, GOOD)
    assert health.headers["cache-control"] == "no-store"


async def test_without_its_database_it_is_alive_and_not_ready(gated: GatedDatabase) -> None:
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


async def test_when_commits_fail_it_is_not_ready_until_one_gets_through(
    gated: GatedDatabase,
) -> None:
    async with open_server(gated) as server:
        line = await server.joins("ana", "general")
        await gated.quiet()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(gated, "write", _unavailable)
            for _ in range(3):
                assert (await line.ask("send", text="x"))["code"] == "unavailable"
            failing = await server.client.get("/ready")
        await line.ask("send", text="x")
        good = await server.client.get("/ready")

    assert (failing.status_code, failing.json()["database"]) == (503, "commits fail")
    assert good.status_code == 200


async def _unavailable(_work: object) -> None:
    raise Unavailable


async def test_with_an_older_schema_it_is_not_ready(server: Server) -> None:
    older = sa.text("UPDATE alembic_version SET version_num = '0001'")
    now = await server.database.read(
        lambda c: c.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one()
    )
    await server.database.write(lambda c: c.execute(older) and None)
    ready = await server.client.get("/ready")
    back = sa.text("UPDATE alembic_version SET version_num = :now")
    await server.database.write(lambda c: c.execute(back, {"now": now}) and None)

    assert (ready.status_code, ready.json()["migrations"]) == (503, "pending")


async def test_while_it_drains_it_is_not_ready(server: Server) -> None:
    await server.runtime.drain()

    ready = await server.client.get("/ready")

    assert (ready.status_code, ready.json()["server"]) == (503, "draining")
