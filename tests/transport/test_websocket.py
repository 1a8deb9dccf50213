"""Real sockets: what no in-process test passes through."""

import asyncio
import json
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from websockets.frames import Frame, Opcode

from app.domain.connection_limits import MAX_BAD_FRAMES_IN_A_ROW, MAX_FRAME_BYTES
from tests.harness.patience import patience
from tests.harness.process import PASSWORD, Login, Process
from tests.harness.server import SECRET
from tests.harness.socket_client import SocketClient


@pytest.fixture
async def ana(real: Process) -> Login:
    """Somebody whom no other test knows."""
    return await real.person(f"ana-{uuid4().hex[:12]}")


@pytest.fixture
async def line(real: Process, ana: Login) -> AsyncIterator[SocketClient]:
    """Her, in a room of her own."""
    line = await real.joins(ana, await room_of(real, ana))
    yield line
    await line.hang_up()


async def room_of(real: Process, owner: Login) -> str:
    name = f"room-{uuid4().hex[:12]}"
    answer = await real.client().post(
        "/rooms", json={"name": name, "kind": "public"}, headers=owner.bearer
    )
    assert answer.status_code == 201, answer.text
    return name


def masked(opcode: Opcode, data: bytes, **how: Any) -> bytes:
    return Frame(opcode, data, **how).serialize(mask=True)


def send(text: str, **fields: Any) -> str:
    return json.dumps({"type": "send", "text": text, **fields})


# What goes out is legal


async def test_a_strict_client_reads_texts_of_every_length(line: SocketClient) -> None:
    lengths = [1, 60, 61, 125, 126, 127, 1_000, 3_999, 4_000]

    answers = [await line.ask("send", text="x" * length) for length in lengths]

    assert [answer["type"] for answer in answers] == ["ack"] * len(lengths)
    await line.hears_until(answers[-1]["seq"])
    assert [len(text) for text in line.texts] == lengths


async def test_a_frame_longer_than_sixteen_bits_is_read(real: Process, ana: Login) -> None:
    # The welcome of somebody with many rooms.
    owner = real.client()
    for n in range(200):
        name = f"{uuid4().hex}{n:03d}".ljust(64, "x")
        body = {"name": name, "title": "t" * 150, "kind": "private"}
        assert (await owner.post("/rooms", json=body, headers=ana.bearer)).status_code == 201

    line = await real.connects(ana)
    welcome = await line.hears("welcome")

    assert len(welcome["rooms"]) == 200
    assert len(json.dumps(welcome)) > 65_536
    await line.hang_up()


async def test_a_client_that_offers_compression_understands_us(real: Process, ana: Login) -> None:
    line = await real.joins(ana, await room_of(real, ana), compression="deflate")

    assert (await line.ask("send", text="x" * 3_000))["type"] == "ack"
    await line.hang_up()


async def test_pings_and_pongs_go_on_beside_the_frames(line: SocketClient) -> None:
    for n in range(20):
        async with patience("a pong"):
            answered = await line.socket.connection.ping()
            await line.sends("send", text=str(n))
            await answered
    last = await line.ask("send", text="last")
    await line.hears_until(last["seq"])
    assert line.texts == [*map(str, range(20)), "last"]


async def test_a_thousand_pipelined_sends_keep_their_order(line: SocketClient) -> None:
    ids = [await line.sends("send", text=str(n)) for n in range(1_000)]

    seqs = [(await line.answer(id))["seq"] for id in ids]

    assert seqs == list(range(seqs[0], seqs[0] + 1_000))
    await line.hears_until(seqs[-1])
    assert line.texts == [str(n) for n in range(1_000)]


# What comes in


@pytest.mark.parametrize("size", [1, 7, 1_000], ids=["bytewise", "in sevens", "in chunks"])
async def test_frames_may_be_cut_anywhere(line: SocketClient, size: int) -> None:
    texts = ["one", "zwölf 👍", "x" * 300]
    stream = b"".join(masked(Opcode.TEXT, send(text).encode()) for text in texts)
    transport = line.socket.connection.transport

    for start in range(0, len(stream), size):
        transport.write(stream[start : start + size])
        await asyncio.sleep(0)

    assert await line.hears_texts_and_acks(texts)


async def test_a_message_may_come_in_fragments(line: SocketClient) -> None:
    whole = send("zwölf").encode()
    transport = line.socket.connection.transport

    transport.write(masked(Opcode.TEXT, whole[:25], fin=False))
    transport.write(masked(Opcode.PING, b"in between"))
    transport.write(masked(Opcode.CONT, whole[25:]))

    assert await line.hears_texts_and_acks(["zwölf"])


async def test_a_frame_may_be_as_large_as_the_limit_and_no_larger(line: SocketClient) -> None:
    await line.types(send("x").ljust(MAX_FRAME_BYTES))
    assert await line.hears_texts_and_acks(["x"])

    await line.types(send("x").ljust(MAX_FRAME_BYTES + 1))
    code, _ = await line.is_closed()
    assert code == 1009


async def test_a_message_too_large_in_fragments_is_too_large(line: SocketClient) -> None:
    half = b"x" * (MAX_FRAME_BYTES // 2 + 1)
    transport = line.socket.connection.transport

    transport.write(masked(Opcode.TEXT, half, fin=False))
    transport.write(masked(Opcode.CONT, half))

    assert (await line.is_closed())[0] == 1009


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(masked(Opcode.TEXT, b"\xff\xfe"), 1007, id="not UTF-8"),
        pytest.param(
            masked(Opcode.TEXT, b"\xc3", fin=False) + masked(Opcode.CONT, b"x"),
            1007,
            id="not UTF-8, in fragments",
        ),
        pytest.param(Frame(Opcode.TEXT, b"{}").serialize(mask=False), 1002, id="not masked"),
        pytest.param(b"\xc1" + masked(Opcode.TEXT, b"{}")[1:], 1002, id="compressed unasked"),
        pytest.param(b"\x83\x80\0\0\0\0", 1002, id="an opcode that is none"),
        pytest.param(masked(Opcode.CONT, b"x"), 1002, id="a continuation of nothing"),
        pytest.param(b"\x09\x80\0\0\0\0", 1002, id="a fragmented ping"),
    ],
)
async def test_what_breaks_the_protocol_closes(line: SocketClient, data: bytes, code: int) -> None:
    line.socket.connection.transport.write(data)

    assert (await line.is_closed())[0] == code


async def test_a_binary_frame_is_an_error_and_repeated_nonsense_the_end(
    line: SocketClient,
) -> None:
    await line.types(b"\0\1")
    assert (await line.hears("error"))["code"] == "bad_request"
    assert (await line.ask("ping"))["type"] == "pong"

    for n in range(MAX_BAD_FRAMES_IN_A_ROW):
        await line.types(["{", b"\0", '{"type":"shout"}'][n % 3])

    code, reason = await line.is_closed()
    assert code == 4000
    assert reason.startswith("bad_request")


async def test_what_was_sent_before_the_close_is_carried_out(real: Process, ana: Login) -> None:
    room = await room_of(real, ana)
    line = await real.joins(ana, room)
    for n in range(50):
        await line.sends("send", text=str(n))
    await line.socket.connection.close()

    again = await real.joins(ana, room, since=1)

    texts = again.texts
    assert texts == [str(n) for n in range(len(texts))]
    await again.hang_up()


# Handshakes


@pytest.mark.parametrize("way", ["query", "header", "subprotocol"])
async def test_the_token_comes_in_any_of_three_ways(real: Process, ana: Login, way: str) -> None:
    room = await room_of(real, ana)
    match way:
        case "query":
            line = await real.joins(None, room, query=f"token={ana.token}")  # type: ignore[arg-type]
        case "header":
            line = await real.joins(ana, room)
        case "subprotocol":
            offered = ["parley.v1", f"bearer.{ana.token}"]
            line = await real.joins(None, room, subprotocols=offered)  # type: ignore[arg-type]
            assert line.socket.connection.subprotocol == "parley.v1"

    assert line.heard[0]["user"] == ana.name
    await line.hang_up()


@pytest.mark.parametrize(
    ("how", "code"),
    [
        pytest.param({}, 4001, id="no token"),
        pytest.param({"query": "token="}, 4001, id="an empty one"),
        pytest.param({"query": "token=x.y.z"}, 4001, id="a wrong one"),
        pytest.param({"query": "token={0}&token={0}"}, 4001, id="two in the query"),
        pytest.param({"query": "token={0}", "headers": True}, 4001, id="two ways"),
        pytest.param({"query": "token={0}", "origin": "https://evil.example"}, 4003, id="foreign"),
        pytest.param({"query": "token={0}&since=x"}, 4000, id="a wrong parameter"),
        pytest.param({"query": "token={0}&colour=red"}, 4000, id="an unknown parameter"),
        pytest.param({"query": "token={0}&since=1&since=2"}, 4000, id="a repeated parameter"),
    ],
)
async def test_a_handshake_that_is_refused_is_accepted_and_closed(
    real: Process, ana: Login, how: dict[str, Any], code: int
) -> None:
    headers = list(ana.bearer.items()) if how.get("headers") else []
    query = how.get("query", "").format(ana.token)

    line = await real.connects(
        None, "general", query=query, headers=headers, origin=how.get("origin")
    )

    found, reason = await line.is_closed()
    assert found == code
    assert reason
    assert line.heard == []


async def test_our_own_origin_may_connect(real: Process, ana: Login) -> None:
    line = await real.connects(ana, origin=f"http://{real.address}")

    assert (await line.hears())["type"] == "welcome"
    await line.hang_up()


async def test_a_handshake_that_never_ends_is_ended(real: Process) -> None:
    async with real.raw() as (reader, writer):
        writer.write(b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n")

        async with patience("the end of half a handshake", 15):
            assert await reader.read() == b""


async def test_a_handshake_too_large_is_answered(real: Process) -> None:
    async with real.raw() as (reader, writer):
        writer.write(
            b"GET /ws?token=" + b"x" * 9_000 + b" HTTP/1.1\r\nHost: x\r\n"
            b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )

        async with patience("an answer", 15):
            status = await reader.readline()
        assert int(status.split()[1]) in (400, 414, 431)


# Readers that don't


async def test_a_reader_that_stops_is_cut_off_and_hurts_only_itself(
    real: Process, ana: Login
) -> None:
    room = await room_of(real, ana)
    good = await real.joins(ana, room)
    with await stalls(real, ana, room) as stalled:
        # Far more than what the kernel and we hold for one socket.
        await says_a_lot(good)

        heard = 0
        async with patience("the slow one to be cut off", 20):
            loop = asyncio.get_running_loop()
            # What the kernel still held for it is gone with the connection.
            with suppress(ConnectionError):
                while chunk := await loop.sock_recv(stalled, 1 << 16):
                    heard += len(chunk)
        assert heard < 1_200 * 4_000
    # It resumes, and has lost nothing.
    again = await real.joins(ana, room, since=1)
    assert len(again.texts) == 1_200
    assert (await good.ask("ping"))["type"] == "pong"
    for line in (good, again):
        await line.hang_up()


async def test_a_room_full_of_long_messages_can_be_joined(real: Process, ana: Login) -> None:
    room = await room_of(real, ana)
    line = await real.joins(ana, room)
    for _ in range(200):
        assert (await line.ask("send", text="\N{CJK UNIFIED IDEOGRAPH-6F22}" * 4_000))["seq"]

    newest = await real.connects(ana, room, query="limit=200")
    everything = await real.connects(ana, room, since=0)

    # What is answered meanwhile does not make one of them a slow reader.
    pings = [(joiner, await joiner.sends("ping")) for joiner in (newest, everything) * 5]

    for joiner in (newest, everything):
        await joiner.hears_until(201)
        assert len(joiner.texts) == 200
    for joiner, ping in pings:
        pong = {"type": "pong", "re": ping}
        assert pong in joiner.heard or await joiner.answer(ping) == pong
    for one in (line, newest, everything):
        await one.hang_up()


async def says_a_lot(line: SocketClient) -> None:
    """4.8 MB, and no faster than it comes back."""
    for _ in range(60):
        ids = [await line.sends("send", text="x" * 4_000) for _ in range(20)]
        for id in ids:
            assert (await line.answer(id))["type"] == "ack"


async def stalls(real: Process, who: Login, room: str) -> socket.socket:
    """Somebody who joins and then reads nothing more, with a small window."""
    loop = asyncio.get_running_loop()
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    sock.setblocking(False)
    host, _, port = real.address.partition(":")
    await loop.sock_connect(sock, (host, int(port)))
    request = (
        f"GET /ws/{room}?since=0&token={who.token} HTTP/1.1\r\nHost: {real.address}\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    await loop.sock_sendall(sock, request.encode())
    heard = b""
    async with patience("the stalled one to join"):
        while b'"caught_up"' not in heard:
            heard += await loop.sock_recv(sock, 4_096)
    return sock


async def test_a_slow_reader_that_reads_again_hears_why(real: Process, ana: Login) -> None:
    room = await room_of(real, ana)
    good = await real.joins(ana, room)
    slow = await real.joins(ana, room)
    transport = slow.socket.connection.transport
    transport.pause_reading()

    before = real.log.count("connection.slow")
    while real.log.count("connection.slow") == before:
        ids = [await good.sends("send", text="x" * 4_000) for _ in range(10)]
        for id in ids:
            await good.answer(id)
    transport.resume_reading()

    assert (await slow.is_closed())[0] == 4102
    await good.hang_up()


# Secrets, and the end


async def test_no_token_or_password_or_text_is_in_any_log_line(real: Process, ana: Login) -> None:
    room = await room_of(real, ana)
    offered = ["parley.v1", f"bearer.{ana.token}"]
    lines = [
        await real.joins(ana, room),
        await real.joins(None, room, query=f"token={ana.token}"),  # type: ignore[arg-type]
        await real.joins(None, room, subprotocols=offered),  # type: ignore[arg-type]
    ]
    words = f"words-{uuid4().hex}"
    await lines[0].ask("send", text=words)
    await lines[1].ask("auth", token=ana.token)
    await lines[2].types(send(words)[:-3])
    await lines[2].types(words)
    for line in lines:
        await line.ask("ping")
        await line.hang_up()

    log = real.log
    assert " TRACE " in log, "everything is logged"
    for secret in (ana.token, ana.token[-20:], ana.refresh_token, words, PASSWORD, SECRET):
        assert secret not in log


@pytest.mark.parametrize("stalled", [False, True], ids=["healthy", "with one that stalls"])
@pytest.mark.slow
async def test_a_server_that_stops_says_goodbye_in_time(
    tmp_path: Path, real_database: str, stalled: bool
) -> None:
    server = Process(tmp_path, database_url=real_database, shutdown_seconds=4)
    async with AsyncExitStack() as stack:
        await server.start()
        stack.push_async_callback(server.stop)
        ana = await server.person(f"ana-{uuid4().hex[:12]}")
        room = await room_of(server, ana)
        good = await server.joins(ana, room)
        if stalled:
            stack.enter_context(await stalls(server, ana, room))
        ids = [await good.sends("send", text=f"text {n}") for n in range(200)]
        # The first is on its way: the server has heard of them.
        await good.answer(ids[0])

        server.signal(signal.SIGTERM)

        code, reason = await good.is_closed()
        assert (code, reason.partition(":")[0]) == (4200, "draining")
        assert await server.ended(10) == 0
        assert "drain" in {frame["type"] for frame in good.heard}
        assert "Traceback" not in server.log

        # Whatever was acknowledged is there after the restart, once.
        acked = {f["re"]: f["seq"] for f in good.heard if f["type"] == "ack" and "seq" in f}
        await server.start()
        again = await server.joins(ana, room, since=1)
        there = {e["id"]: e["seq"] for e in again.events if e["type"] == "message.created"}
        assert acked.items() <= there.items()
        await again.hang_up()
