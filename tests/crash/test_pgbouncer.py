"""Nodes behind a pgbouncer, configured as docs/operations.md says."""

from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import psycopg
import pytest

from tests.crash.postgres_env import DATABASE, ParleyOn
from tests.harness.patience import patience
from tests.harness.pgbouncer import pgbouncer
from tests.harness.postgres_server import PostgresServer, postgres_server

pytestmark = pytest.mark.crash


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server


@pytest.mark.parametrize("mode", ["session", "transaction"])
async def test_two_nodes_talk_and_notify_each_other(
    tmp_path: Path, postgres: PostgresServer, mode: str
) -> None:
    async with AsyncExitStack() as stack:
        port = stack.enter_context(pgbouncer(postgres, mode, connections=20))
        chosen = {"notify_database_url": postgres.url(DATABASE)} if mode == "transaction" else {}
        url = f"postgresql://postgres@127.0.0.1:{port}/{DATABASE}"
        nodes = []
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            nodes.append(ParleyOn(postgres, tmp_path / name, url=url, **chosen))
        await nodes[0].install()
        for node in nodes:
            await node.start()
            stack.push_async_callback(node.stop)
        ana = await nodes[0].person("ana")
        here, there = [await node.joins(ana, "general") for node in nodes]

        ack = await here.answer(await here.sends("send", text="hello"))
        event = await there.hears("message.created")

        assert (ack["type"], event["seq"], event["text"]) == ("ack", ack["seq"], "hello")
        for node in nodes:
            async with patience("both to be ready"):
                while (ready := (await node.client().get("/ready")).json())["broker"] != "ok":
                    pass
            assert ready["database"] == "ok"
            assert "Traceback" not in node.log
        # What one transaction has set is not there for the next client of the connection.
        limits = "SELECT current_setting('lock_timeout'), count(*) FROM pg_prepared_statements"
        with psycopg.connect(url, autocommit=True) as client:
            assert client.execute(limits).fetchall() == [("0", 0)]


async def test_a_parameter_that_it_does_not_know_is_refused_in_one_sentence(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    with pgbouncer(postgres, "transaction", connections=20) as port:
        url = f"postgresql://postgres@127.0.0.1:{port}/{DATABASE}?options=-c%20jit%3Doff"
        server = ParleyOn(postgres, tmp_path, url=url)
        await server.install()
        server.process = server._spawn()
        assert await server.ended(60) != 0

    assert "unsupported startup parameter: options" in server.log.splitlines()[-1]
    assert "Traceback" not in server.log
