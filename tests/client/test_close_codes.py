"""What a client does when a connection ends, and while one opens: by the hundreds of the code."""

import asyncio
import socket
from typing import Any

import pytest
from websockets.asyncio.server import serve

from parley_client import (
    Client,
    Closed,
    Forbidden,
    Limits,
    NotAcknowledged,
    NotFound,
    ParleyError,
    Refused,
    TooManyConnections,
    Unauthorized,
    Unreachable,
)
from parley_client.close_codes import Backoff, Step, next_step
from tests.client.fault_proxy import fault_proxy
from tests.client.scripted_server import (
    QUICK,
    WELCOME,
    Peer,
    ack,
    message,
    quick_client,
    scripted,
    settled,
)
from tests.harness.patience import patience, until

pytestmark = pytest.mark.sqlite_only


@pytest.mark.parametrize(
    ("code", "step"),
    [
        (4000, Step.STOP),
        (4001, Step.STOP),
        (4099, Step.STOP),
        (4100, Step.BACK_OFF),
        (4102, Step.BACK_OFF),
        (4199, Step.BACK_OFF),
        (4200, Step.AT_ONCE),
        (4299, Step.AT_ONCE),
        (4301, Step.NEW_TOKEN),
        (4400, Step.BACK_OFF),
        (1000, Step.BACK_OFF),
        (1006, Step.BACK_OFF),
        (1011, Step.BACK_OFF),
    ],
)
def test_the_hundreds_decide(code: int, step: Step) -> None:
    assert next_step(code) is step


class _Least:
    """Random by the least."""

    def uniform(self, low: float, high: float) -> float:
        return low


def test_pauses_double_up_to_a_bound_and_are_random_by_half() -> None:
    backoff = Backoff(Limits(), _Least())  # type: ignore[arg-type]

    assert [backoff.pause(Step.BACK_OFF) for _ in range(8)] == [
        0.25,
        0.5,
        1.0,
        2.0,
        4.0,
        8.0,
        15.0,
        15.0,
    ]
    backoff.reset()
    assert [backoff.pause(Step.AT_ONCE) for _ in range(3)] == [0.0, 0.5, 1.0]


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (4000, Refused),
        (4001, Unauthorized),
        (4003, Forbidden),
        (4004, NotFound),
        (4009, TooManyConnections),
        (4055, Refused),
    ],
)
async def test_40xx_ends_the_client_and_says_so_everywhere(
    code: int, error: type[Refused]
) -> None:
    async def script(peer: Peer) -> None:
        await peer.say(WELCOME)
        await peer.hears("join")
        await peer.closes(code, "no_more: of this")

    async with scripted(script) as url, quick_client(url) as chat:
        listening = chat.room("general")
        found = await settled(anext(listening), chat.send("general", "hi"), anext(chat.signals))

        assert all(isinstance(each, error) for each in found[:2]), found
        with pytest.raises(error, match=f"{code} no_more"):
            await chat.send("general", "later")
        with pytest.raises(error):
            chat.room("other")
        with pytest.raises(error):
            await _last(chat)


async def _last(chat: Client) -> None:
    async for _ in chat.signals:
        pass


@pytest.mark.parametrize("code", [1000, 1001, 1011, 4100, 4102, 4103, 4108, 4129, 4200, 4999])
async def test_other_codes_reconnect_and_resume(code: int) -> None:
    joins: list[Any] = []

    async def script(peer: Peer) -> None:
        await peer.say(WELCOME)
        joins.append(await peer.joins(head=4 + peer.number))
        if peer.number == 1:
            await peer.say(message(6))
            await peer.closes(code)
        else:
            await peer.say(message(7))
            await peer.waits()

    async with scripted(script) as url, quick_client(url) as chat:
        listening = chat.room("general")
        assert (await anext(listening)).seq == 6  # type: ignore[union-attr]
        assert (await anext(listening)).seq == 7  # type: ignore[union-attr]

    assert "since" not in joins[0]
    assert (joins[1]["since"], joins[1]["epoch"]) == (6, "e1")


async def test_43xx_asks_for_a_new_token() -> None:
    given = iter(["first", "second"])
    tokens: list[str] = []

    async def script(peer: Peer) -> None:
        tokens.append(peer.token)
        await peer.say(WELCOME)
        if peer.number == 1:
            await peer.closes(4301, "token_expired")
        await peer.say(ack(await peer.hears("send")))

    async with scripted(script) as url, quick_client(url, get_token=lambda: next(given)) as chat:
        await chat.send("general", "hi")

    assert tokens == ["first", "second"]


async def test_a_token_that_is_refused_at_the_door_is_replaced_once() -> None:
    tokens: list[str] = []

    async def script(peer: Peer) -> None:
        tokens.append(peer.token)
        await peer.closes(4001, "unauthorized")

    async def get_token() -> str:
        return f"token{len(tokens)}"

    async with scripted(script) as url:
        with pytest.raises(Unauthorized):
            async with quick_client(url, get_token=get_token):
                pass

    assert tokens == ["token0", "token1"]


async def test_an_expiring_token_is_replaced_on_the_same_connection() -> None:
    given = iter(["first", "second"])
    heard: list[Any] = []

    async def script(peer: Peer) -> None:
        await peer.say(WELCOME, {"type": "auth_expiring", "expires_in": 60})
        heard.append((peer.number, await peer.hears("auth")))
        await peer.waits()

    async with scripted(script) as url, quick_client(url, get_token=lambda: next(given)):
        await until(lambda: heard)

    assert [(number, frame["token"]) for number, frame in heard] == [(1, "second")]


async def test_after_drain_the_client_returns_when_the_server_says() -> None:
    at: list[float] = []
    clock = asyncio.get_running_loop().time

    async def script(peer: Peer) -> None:
        at.append(clock())
        await peer.say(WELCOME)
        if peer.number == 1:
            await peer.say({"type": "drain", "reconnect_in_ms": 300})
            await peer.closes(4200, "draining")
        await peer.say(ack(await peer.hears("send")))

    limits = Limits(backoff_min_seconds=0.01, backoff_max_seconds=1.0)
    async with scripted(script) as url, quick_client(url, limits=limits) as chat:
        await chat.send("general", "hi")

    assert at[1] - at[0] >= 0.29


async def test_a_server_that_closes_at_once_is_not_called_in_a_loop() -> None:
    count = 0

    async def script(peer: Peer) -> None:
        nonlocal count
        count += 1
        await peer.say(WELCOME)
        await peer.closes(4200, "draining")

    limits = Limits(backoff_min_seconds=0.1, backoff_max_seconds=10.0)
    async with scripted(script) as url, quick_client(url, limits=limits) as chat:
        with pytest.raises(NotAcknowledged):
            await chat.send("general", "hi", seconds=0.6)

    # At once, then 0.1 to 0.2 s, 0.2 to 0.4 s and so on.
    assert 2 <= count <= 5


async def test_a_connection_that_has_fallen_silent_is_dropped() -> None:
    async def script(peer: Peer) -> None:
        await peer.say({**WELCOME, "heartbeat_seconds": 0.05})
        await peer.say(ack(await peer.hears("send")))

    async with scripted(script) as url, fault_proxy(url.removeprefix("http://")) as proxy:
        async with quick_client(f"http://{proxy.address}") as chat:
            proxy.stall()
            sending = asyncio.create_task(chat.send("general", "hi"))
            await until(lambda: not chat.is_connected, "the missing pong to be noticed")
            proxy.flow()
            await sending


# Opening


async def _opens(url: str, **options: Any) -> None:
    async with quick_client(url, **options):
        pass


NO_PATIENCE = Limits(open_seconds=0, handshake_seconds=0.3)


async def test_no_server_is_an_error_while_opening() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Unreachable, match="can't be reached"):
        await _opens(f"http://127.0.0.1:{port}", limits=NO_PATIENCE)


async def test_a_host_that_does_not_exist_is_an_error_while_opening() -> None:
    with pytest.raises(Unreachable, match="can't be reached"):
        await _opens("http://nowhere.invalid", limits=NO_PATIENCE)


async def test_opening_waits_for_a_server_that_is_late() -> None:
    async def script(peer: Peer) -> None:
        if peer.number > 2:
            await peer.say(WELCOME)
            await peer.waits()

    async with scripted(script) as url:
        await _opens(url)


async def _answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    body = b"<html>Bad gateway</html>"
    writer.write(
        b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%s"
        % (len(body), body)
    )
    await writer.drain()
    writer.close()


@pytest.mark.parametrize("options", [{}, {"get_token": None, "username": "a", "password": "b"}])
async def test_a_proxy_that_answers_html_is_an_error_while_opening(options: Any) -> None:
    server = await asyncio.start_server(_answers, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        with pytest.raises(Unreachable, match="502"):
            await _opens(f"http://127.0.0.1:{port}", limits=NO_PATIENCE, **options)


async def test_a_peer_that_says_nothing_is_an_error_while_opening() -> None:
    async def script(peer: Peer) -> None:
        await peer.waits()

    async with scripted(script) as url:
        with pytest.raises(Unreachable, match="no welcome"):
            await _opens(url, limits=NO_PATIENCE)


@pytest.mark.parametrize(
    "first", ["not JSON", "[]", '{"type":"hello"}', '{"type":7}', '{"type":"welcome"}']
)
async def test_another_protocol_is_an_error_while_opening(first: str) -> None:
    async def script(peer: Peer) -> None:
        await peer.say(first)
        await peer.waits()

    async with scripted(script) as url:
        with pytest.raises(Unreachable, match="not a server that this client knows"):
            await _opens(url, limits=NO_PATIENCE)


async def test_a_redirect_is_not_followed() -> None:
    reached: list[object] = []

    async def other(connection: object) -> None:
        reached.append(connection)

    async with serve(other, "127.0.0.1", 0) as elsewhere:
        port = next(iter(elsewhere.sockets)).getsockname()[1]

        async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(
                b"HTTP/1.1 307 Temporary Redirect\r\nContent-Length: 0\r\n"
                b"Location: ws://127.0.0.1:%d/ws\r\n\r\n" % port
            )
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(redirect, "127.0.0.1", 0)
        async with server:
            with pytest.raises(Unreachable, match="307"):
                await _opens(
                    f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", limits=NO_PATIENCE
                )
    assert reached == []


# Closing


async def test_closing_settles_everything() -> None:
    async def script(peer: Peer) -> None:
        await peer.say(WELCOME)
        await peer.waits()

    async with scripted(script) as url:
        async with quick_client(url) as chat:
            listening, signals = chat.room("general"), chat.signals
            waiting = asyncio.gather(
                anext(listening, "ended"),
                *(chat.send("other", "hi") for _ in range(3)),
                return_exceptions=True,
            )
            await asyncio.sleep(0)
        ended, *sends = await waiting
        async for _ in signals:
            pass

        assert ended == "ended"
        assert [type(each) for each in sends] == [Closed] * 3
        with pytest.raises(Closed):
            await chat.send("general", "hi")
        with pytest.raises(Closed):
            chat.room("general")
        with pytest.raises(Closed):
            await chat.http("GET", "/users/me")
        await chat.close()


async def test_closing_does_not_wait_for_a_peer_that_reads_nothing() -> None:
    async def script(peer: Peer) -> None:
        await peer.say(WELCOME)
        await peer.waits()

    async with scripted(script) as url, fault_proxy(url.removeprefix("http://")) as proxy:
        chat = quick_client(f"http://{proxy.address}")
        async with patience("the client to close", 5):
            async with chat:
                proxy.stall()
                sending = [
                    asyncio.create_task(chat.send("general", "." * 60_000)) for _ in range(50)
                ]
                await until(lambda: chat._open.outbox._written)
            assert {type(each) for each in await settled(*sending)} == {Closed}


async def test_closing_does_not_wait_for_a_reconnect() -> None:
    async def script(peer: Peer) -> None:
        if peer.number == 1:
            await peer.say(WELCOME)
        await peer.closes(1011)

    limits = Limits(backoff_min_seconds=60.0, backoff_max_seconds=60.0)
    async with scripted(script) as url, patience("the client to close", 5):
        async with quick_client(url, limits=limits) as chat:
            await until(lambda: not chat.is_connected)


async def test_a_client_opens_again_but_not_twice() -> None:
    async def script(peer: Peer) -> None:
        await peer.say(WELCOME)
        await peer.say(ack(await peer.hears("send")))

    async with scripted(script) as url:
        chat = quick_client(url)
        for _ in range(2):
            async with chat:
                await chat.send("general", "hi")
                with pytest.raises(RuntimeError, match="is open"):
                    await chat.__aenter__()


@pytest.mark.parametrize(
    "url",
    [
        "chat.example.org",
        "ftp://chat.example.org",
        "http://",
        "http://u:p@chat",
        "http://chat?a=1",
        "http://chat:99999",
        f"http://{'a' * 70}.org",
    ],
)
def test_an_address_that_can_not_be_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each has words of its own
        Client(url, "ana", "secret", limits=QUICK)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"username": "ana"},
        {"password": "secret"},
        {"username": "ana", "password": "secret", "get_token": lambda: "t"},
    ],
)
def test_credentials_must_make_sense(options: Any) -> None:
    with pytest.raises(ValueError, match="password"):
        Client("http://chat", **options)


def test_every_error_of_the_package_has_one_base() -> None:
    import parley_client

    for name in parley_client.__all__:
        found = getattr(parley_client, name)
        if isinstance(found, type) and issubclass(found, Exception):
            assert issubclass(found, ParleyError)
