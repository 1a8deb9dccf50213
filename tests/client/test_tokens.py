"""Tokens: renewed once for all who ask, never kept too long, and in no log."""

import asyncio
import logging
from typing import Any

import pytest

from parley_client import Client, Limits, Refused, Tokens, Unauthorized, Unreachable
from tests.client.conftest import NewClient
from tests.client.fault_proxy import FaultProxy
from tests.client.scripted_server import QUICK, WELCOME, Peer, ack, quick_client, scripted
from tests.harness.patience import until
from tests.harness.process import PASSWORD, Login, Process

pytestmark = pytest.mark.sqlite_only


def with_tokens(process: Process, who: Login, kept: list[Tokens], **options: Any) -> Client:
    """A client whose access token the server does not take."""
    stale = Tokens("stale", who.refresh_token)
    return Client(
        f"http://{process.address}",
        tokens=stale,
        on_tokens=kept.append,
        **{"limits": QUICK, **options},
    )


async def test_a_wrong_password_is_said(process: Process, ana: Login) -> None:
    with pytest.raises(Unauthorized, match="wrong password"):
        async with Client(f"http://{process.address}", ana.name, "wrong", limits=QUICK):
            pass


async def test_a_stale_token_is_renewed_before_the_client_is_open(
    process: Process, ana: Login
) -> None:
    kept: list[Tokens] = []
    async with with_tokens(process, ana, kept) as chat:
        assert chat.user == ana.name
        assert (await chat.http("GET", "/users/me"))["username"] == ana.name

    assert len(kept) == 1


async def test_callers_at_the_same_time_share_one_exchange(process: Process, ana: Login) -> None:
    kept: list[Tokens] = []
    async with with_tokens(process, ana, kept) as chat:
        kept.clear()
        source = chat._tokens
        stale = await source.access()
        tokens = await asyncio.gather(*(source.renew(stale) for _ in range(20)))

        assert set(tokens) == {kept[0].access}
        assert len(kept) == 1
        assert await source.renew(stale) == kept[0].access
        assert len(kept) == 1


async def test_a_caller_that_gives_up_loses_no_tokens(process: Process, ana: Login) -> None:
    kept: list[Tokens] = []
    async with with_tokens(process, ana, kept) as chat:
        kept.clear()
        source = chat._tokens
        asking = asyncio.create_task(source.renew(await source.access()))
        await asyncio.sleep(0)
        asking.cancel()
        await until(lambda: kept)

        assert await source.access() == kept[0].access


async def test_a_lost_answer_is_asked_for_again(
    client_of: NewClient, proxy: FaultProxy, process: Process, ana: Login
) -> None:
    kept: list[Tokens] = []
    async with with_tokens(process, ana, kept) as chat:
        pass
    chat = Client(
        f"http://{proxy.address}", tokens=Tokens("stale", kept[-1].refresh), limits=QUICK
    )
    proxy.swallows = True

    async def cut_the_first() -> None:
        # The connection of the WebSocket, then that of the exchange.
        await until(lambda: proxy.connections == 1)
        proxy.cut()
        await until(lambda: proxy.connections == 2)

    async with asyncio.TaskGroup() as group:
        group.create_task(cut_the_first())
        async with chat:
            assert chat.user == ana.name


async def test_a_revoked_session_ends_the_client(
    client_of: NewClient, process: Process, ana: Login
) -> None:
    async with client_of(ana) as chat:
        listening = chat.room("general")
        await until(lambda: listening.live)
        answer = await process.client().delete("/users/me/sessions", headers=ana.bearer)
        assert answer.status_code == 204
        with pytest.raises(Unauthorized, match="4001"):
            await anext(listening)


async def test_a_session_that_has_ended_begins_again_with_the_password(
    process: Process, ana: Login
) -> None:
    await process.client().post("/token/revoke", data={"token": ana.refresh_token})
    stale = Tokens(ana.token, ana.refresh_token)
    url = f"http://{process.address}"

    with pytest.raises(Unauthorized):
        async with Client(url, tokens=stale, limits=QUICK):
            pass
    async with Client(url, ana.name, PASSWORD, tokens=stale, limits=QUICK) as chat:
        assert chat.user == ana.name


async def test_a_log_in_of_the_client_ends_with_it(process: Process, ana: Login) -> None:
    async def sessions() -> int:
        answer = await process.client().get("/users/me/sessions", headers=ana.bearer)
        return len(answer.json()["sessions"])

    before = await sessions()
    async with Client(f"http://{process.address}", ana.name, PASSWORD, limits=QUICK) as chat:
        assert await sessions() == before + 1
        labels = await chat.http("GET", "/users/me/sessions")
        assert labels["sessions"][0]["label"].startswith("parley-client")
    assert await sessions() == before


async def test_the_application_is_asked_at_each_connect() -> None:
    tokens: list[str] = []

    async def script(peer: Peer) -> None:
        tokens.append(peer.token)
        await peer.say(WELCOME)
        if peer.number < 3:
            await peer.closes(1011)
        await peer.say(ack(await peer.hears("send")))

    def get_token() -> str:
        return f"token{len(tokens)}"

    async with scripted(script) as url, quick_client(url, get_token=get_token) as chat:
        await chat.send("general", "hi")

    assert tokens == ["token0", "token1", "token2"]


async def test_an_application_that_has_no_token_is_asked_again() -> None:
    asked = 0

    async def get_token() -> str:
        nonlocal asked
        asked += 1
        if asked == 2:
            raise OSError("no network")
        return "t"

    async def script(peer: Peer) -> None:
        await peer.say(WELCOME)
        if peer.number == 1:
            await peer.closes(1011)
        await peer.say(ack(await peer.hears("send")))

    async with scripted(script) as url, quick_client(url, get_token=get_token) as chat:
        await chat.send("general", "hi")

    assert asked == 3


@pytest.mark.parametrize("token", ["", "with\r\nHost: elsewhere", "ä", None, 7])
async def test_a_token_that_can_not_be_one_is_refused(token: Any) -> None:
    with pytest.raises(Refused, match="printable"):
        async with quick_client("http://127.0.0.1:1", get_token=lambda: token):
            pass


async def test_an_answer_without_a_token_is_not_parley() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
        )
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(Unreachable, match="no token"):
            async with Client(url, "ana", PASSWORD, limits=Limits(open_seconds=0)):
                pass


async def test_no_secret_is_in_a_log_or_a_repr(
    client_of: NewClient,
    proxy: FaultProxy,
    process: Process,
    ana: Login,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    kept: list[Tokens] = []
    async with with_tokens(process, ana, kept) as chat:
        await chat.http("GET", "/users/me")
        shown = repr(chat) + repr(chat._tokens) + repr(kept)
    async with client_of(ana) as chat:
        proxy.cut()
        await until(lambda: not chat.is_connected)
        await until(lambda: chat.is_connected)
        listening = chat.room("general")
        await until(lambda: listening.live)
        await chat.send("general", "a secret between us")

    written = caplog.text + shown
    for secret in (PASSWORD, ana.refresh_token, kept[0].access, kept[0].refresh, "between us"):
        assert secret is not None
        assert secret not in written
