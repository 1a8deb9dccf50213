"""The end of a token: announced, postponed by a fresh one, enforced."""

import asyncio
import json
from typing import Any

import pytest

from app.domain.close_codes import TOKEN_EXPIRED
from app.domain.ids import Millis
from app.realtime.token_expiry import TokenExpiry
from app.store import sessions
from app.store.database import Database
from app.transport.shared_timer import SharedTimer
from tests.harness.patience import until
from tests.harness.server import Server, open_server
from tests.realtime.recording import AT, BO, RecordingConnection

SOON_MS = 20
TOKEN_SECONDS = 15 * 60


class Clock:
    """Stands still, so that a test is as quick as its timers, and no machine too slow for it."""

    def __init__(self) -> None:
        self.now = AT

    def __call__(self) -> Millis:
        return self.now


def timer() -> SharedTimer:
    return SharedTimer(asyncio.get_running_loop())


@pytest.fixture
def client() -> RecordingConnection:
    return RecordingConnection(BO)


def announced(client: RecordingConnection) -> list[int]:
    frames = [json.loads(payload) for payload in client.transport.payloads]
    assert {frame["type"] for frame in frames} <= {"auth_expiring"}
    return [frame["expires_in"] for frame in frames]


async def test_the_end_is_announced_once_and_a_minute_ahead(client: RecordingConnection) -> None:
    expiry = TokenExpiry(client.connection, Clock(), timer(), announce_seconds=60)

    expiry.start(Millis(AT + 60_000 + SOON_MS))
    assert announced(client) == []
    await until(lambda: announced(client), "the announcement")

    [seconds] = announced(client)
    assert 50 < seconds <= 60
    assert client.closes == []
    expiry.stop()


async def test_the_end_closes_the_connection(client: RecordingConnection) -> None:
    expiry = TokenExpiry(client.connection, Clock(), timer(), announce_seconds=60)

    expiry.start(Millis(AT + SOON_MS))
    await until(lambda: client.closes, "the close")

    assert client.closes == [TOKEN_EXPIRED]


async def test_a_fresh_token_postpones_the_end_and_is_announced_again(
    client: RecordingConnection,
) -> None:
    expiry = TokenExpiry(client.connection, Clock(), timer(), announce_seconds=60)
    expiry.start(Millis(AT + SOON_MS))

    expiry.start(Millis(AT + 60_000 + SOON_MS))
    await until(lambda: announced(client), "the announcement")

    [seconds] = announced(client)
    assert 50 < seconds <= 60
    assert client.closes == []
    expiry.stop()


async def test_the_same_token_again_is_not_announced_again(client: RecordingConnection) -> None:
    expiry = TokenExpiry(client.connection, Clock(), timer(), announce_seconds=60)
    expiry.start(Millis(AT + 30_000))
    await until(lambda: announced(client), "the announcement")

    expiry.start(Millis(AT + 30_000))
    expiry.start(Millis(AT + 29_000))
    await until(lambda: len(announced(client)) == 2, "the announcement of the other")

    assert [round(seconds, -1) for seconds in announced(client)] == [30, 30]
    expiry.stop()


async def test_a_token_of_a_minute_is_announced_at_half_its_life(database: Database) -> None:
    """Announced at once, it was exchanged more than ten times a second."""
    async with open_server(database, access_token_minutes=1) as server:
        bo = await server.person("bo")
        young = await server.connects(bo)
        await young.hears("welcome")
        for _ in range(3):
            await young.ask("auth", token=server.token(bo))
        await young.nothing_more()
        assert all(frame["type"] != "auth_expiring" for frame in young.heard)

        server.clock.pass_time(seconds=31)
        old = await server.connects(bo)

        assert 20 < (await old.hears("welcome"))["expires_in"] <= 30
        assert 20 < (await old.hears("auth_expiring"))["expires_in"] <= 30


async def test_without_announcements_there_is_only_the_close(client: RecordingConnection) -> None:
    expiry = TokenExpiry(client.connection, Clock(), timer(), announce_seconds=0)

    expiry.start(Millis(AT + SOON_MS))
    await until(lambda: client.closes, "the close")

    assert client.closes == [TOKEN_EXPIRED]
    assert announced(client) == []


async def test_a_stopped_timer_does_nothing(client: RecordingConnection) -> None:
    first = TokenExpiry(client.connection, Clock(), timer(), announce_seconds=60)
    first.start(Millis(AT + SOON_MS))
    first.stop()
    first.stop()

    # The timer of another one, set later, fires behind it.
    other = RecordingConnection(BO)
    TokenExpiry(other.connection, Clock(), timer(), announce_seconds=0).start(
        Millis(AT + 2 * SOON_MS)
    )
    await until(lambda: other.closes, "the close")

    assert client.closes == []
    assert announced(client) == []


# On a socket. The server's clock stands still, so that no machine is too slow for the handshake.


async def end_logins(server: Server, in_ms: int) -> None:
    """Let every log-in end in so many milliseconds: tokens end in whole seconds."""
    ends_at = server.clock() + in_ms

    def shorten(connection: Any) -> None:
        connection.execute(sessions.sessions.update().values(expires_at=ends_at))

    await server.database.write(shorten)


async def test_a_socket_is_told_a_minute_ahead_and_a_fresh_token_keeps_it_open(
    server: Server,
) -> None:
    bo = await server.person("bo")
    server.clock.pass_time(seconds=TOKEN_SECONDS - 60)
    client = await server.connects(bo)
    assert (await client.hears("welcome"))["expires_in"] in (59, 60)
    assert 50 < (await client.hears("auth_expiring"))["expires_in"] <= 60

    reply = await client.ask("auth", token=server.token(bo))

    assert reply["expires_in"] in (TOKEN_SECONDS - 1, TOKEN_SECONDS)
    assert (await client.ask("ping"))["type"] == "pong"


async def test_a_login_that_ends_before_its_token_closes_the_socket(server: Server) -> None:
    bo = await server.person("bo")
    await end_logins(server, in_ms=SOON_MS)

    client = await server.connects(bo)

    assert (await client.is_closed())[0] == 4301
    assert client.heard[0]["type"] == "welcome"


async def test_an_expired_token_is_refused_with_the_same_code(server: Server) -> None:
    bo = await server.person("bo")
    server.clock.pass_time(seconds=TOKEN_SECONDS + 60)

    client = await server.connects(bo)

    assert (await client.is_closed())[0] == 4301
    assert client.heard == []
