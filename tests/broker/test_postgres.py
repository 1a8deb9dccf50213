"""LISTEN and NOTIFY: what is sent, and what happens when a connection is lost or silent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from app.broker.base import CONNECTING, DEAF, LogAdvanced, LookEverywhere, Notification
from app.domain.ids import RoomId, SessionId, UserId
from app.domain.sessions import SessionsRevoked
from tests.harness.databases import administer
from tests.harness.patience import turns, until
from tests.harness.postgres_proxy import PostgresProxy, postgres_proxy

pytestmark = pytest.mark.postgres_only

REVOKED = SessionsRevoked(UserId(2), SessionId(3))


def advanced(head: int, room: int = 1) -> LogAdvanced:
    return LogAdvanced(RoomId(room), head)


class Node:
    """A broker that is connected, and what it received."""

    def __init__(self, parameters: dict[str, Any], **options: float) -> None:
        from app.broker.postgres import PostgresBroker

        self.broker = PostgresBroker(
            parameters, **{"retry_seconds": 0.01, "deaf_seconds": 60.0, **options}
        )
        self.received: list[Notification] = []

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Node"]:
        await self.broker.open(self.received.append)
        await until(lambda: self.broker.fault is None, "the broker to connect")
        yield self
        await self.broker.close()

    async def hears(self, wanted: Notification) -> None:
        await until(lambda: wanted in self.received, f"{wanted}")


def backends(parameters: dict[str, Any]) -> str:
    """The condition in pg_stat_activity for the brokers' connections to the test's database."""
    return f"datname = '{parameters['dbname']}' AND query ~ 'pg_notify|^LISTEN'"


async def test_what_comes_while_one_is_on_its_way_goes_as_the_latest_head(
    postgres_parameters: dict[str, Any],
) -> None:
    async with (
        Node(postgres_parameters).running() as one,
        Node(postgres_parameters).running() as two,
    ):
        one.broker.notify(advanced(1))
        await turns(2)
        for head in range(2, 1_001):
            one.broker.notify(advanced(head))
        one.broker.notify(REVOKED)

        await two.hears(advanced(1_000))

    assert two.received == [advanced(1), REVOKED, advanced(1_000)]


async def test_thousands_of_rooms_take_several_messages(
    postgres_parameters: dict[str, Any],
) -> None:
    async with (
        Node(postgres_parameters).running() as one,
        Node(postgres_parameters).running() as two,
    ):
        for room in range(1, 2_001):
            one.broker.notify(advanced(2**32 - 1, room))

        await two.hears(advanced(2**32 - 1, 2_000))

    assert len(set(two.received)) == 2_000


async def test_too_many_rooms_say_look_everywhere(postgres_parameters: dict[str, Any]) -> None:
    async with (
        Node(postgres_parameters).running() as one,
        Node(postgres_parameters).running() as two,
    ):
        for room in range(1, 9_001):
            one.broker.notify(advanced(1, room))

        await two.hears(LookEverywhere())

    assert two.received == [LookEverywhere()]


async def test_a_connection_that_is_ended_is_replaced_and_both_sides_look_everywhere(
    postgres_parameters: dict[str, Any],
) -> None:
    async with (
        Node(postgres_parameters).running() as one,
        Node(postgres_parameters).running() as two,
    ):
        administer(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            f" WHERE {backends(postgres_parameters)}"
        )

        await one.hears(LookEverywhere())
        await two.hears(LookEverywhere())

        def is_heard() -> bool:
            # One that is notified together with "look everywhere" is covered by it.
            one.broker.notify(advanced(7))
            return advanced(7) in two.received

        await until(is_heard, "a notification on the new connections")


async def test_garbage_on_the_channel_is_ignored(postgres_parameters: dict[str, Any]) -> None:
    import psycopg

    async with (
        Node(postgres_parameters).running() as one,
        Node(postgres_parameters).running() as two,
    ):
        with psycopg.connect(**postgres_parameters, autocommit=True) as other:
            for payload in ("", "{", '{"v":2,"node":"x","hints":[]}', "x" * 7_999):
                other.execute("SELECT pg_notify('parley', %s)", [payload])
        one.broker.notify(advanced(7))

        await two.hears(advanced(7))

    assert two.received == [advanced(7)]


@pytest.fixture
def proxied(postgres: str) -> Any:
    """A proxy before the server, and the parameters of connections through it."""
    from app.store.postgres_settings import connection_parameters

    with postgres_proxy(postgres) as proxy:
        yield proxy, connection_parameters(proxy.url)


async def test_a_node_that_hears_nothing_is_deaf_and_connects_anew(
    proxied: tuple[PostgresProxy, dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    proxy, parameters = proxied
    quick = {"probe_seconds": 0.02, "deaf_seconds": 0.2}
    async with Node(parameters, **quick).running() as node:
        proxy.passes.clear()
        await until(lambda: node.broker.fault == DEAF, "the broker to notice")
        proxy.passes.set()
        await until(lambda: node.broker.fault is None, "the broker to recover")

        await node.hears(LookEverywhere())

    said = [record.message for record in caplog.records]
    assert said.count("broker.deaf") == 1
    assert said.count("broker.hears_again") == 1


async def test_a_server_that_can_t_be_reached_is_one_line_without_the_password(
    caplog: pytest.LogCaptureFixture,
) -> None:
    node = Node({"host": "127.0.0.1", "port": 1, "user": "x", "password": "hunter2"})
    await node.broker.open(node.received.append)
    node.broker.notify(advanced(1))

    await until(lambda: caplog.records, "the line")

    assert node.broker.fault == CONNECTING
    await node.broker.close()
    assert "hunter2" not in caplog.text
    assert "refused" in caplog.records[0].error


async def test_closing_while_connecting_ends_at_once(
    proxied: tuple[PostgresProxy, dict[str, Any]],
) -> None:
    proxy, parameters = proxied
    proxy.passes.clear()
    node = Node(parameters)
    await node.broker.open(node.received.append)
    await turns()

    async with asyncio.timeout(5):
        await node.broker.close()
    proxy.passes.set()
