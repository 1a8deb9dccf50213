"""Peers that ask for more than they read, against `parley serve`: others are answered."""

import asyncio
import json
import socket
from pathlib import Path
from uuid import uuid4

import pytest

from app.domain.connection_limits import MAX_FRAME_BYTES
from tests.harness.patience import patience
from tests.harness.process import Login, Process

pytestmark = pytest.mark.slow


async def room_with(server: Process, owner: Login, texts: int) -> str:
    """A room with so many messages of 4,000 characters."""
    room = f"room-{uuid4().hex[:12]}"
    async with patience("the messages"):
        body = {"name": room, "kind": "public"}
        await server.client().post("/rooms", json=body, headers=owner.bearer)
        line = await server.joins(owner, room)
        for _ in range(texts):
            await line.ask("send", text="x" * 4_000)
        await line.hang_up()
    return room


def unreading(server: Process) -> socket.socket:
    """A peer that takes as little as a peer can."""
    peer = socket.socket()
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    host, _, port = server.address.partition(":")
    peer.connect((host, int(port)))
    return peer


def handshake(room: str, who: Login, since: int | None = None) -> bytes:
    query = "" if since is None else f"since={since}&"
    lines = [
        f"GET /ws/{room}?{query}token={who.token} HTTP/1.1",
        "Host: here",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
        "",
        "",
    ]
    return "\r\n".join(lines).encode()


async def is_answering(server: Process) -> bool:
    async with patience("an answer to another client"):
        return (await server.client().get("/health")).status_code == 200


@pytest.mark.parametrize("limit", [MAX_FRAME_BYTES, 100_000, 0])
async def test_a_replay_to_a_peer_that_reads_nothing_waits(tmp_path: Path, limit: int) -> None:
    server = Process(tmp_path, max_unsent_bytes=limit)
    await server.start()
    try:
        ana = await server.person("ana")
        room = await room_with(server, ana, 400)
        with unreading(server) as peer:
            peer.sendall(handshake(room, ana, since=0))
            begun = await asyncio.to_thread(peer.recv, 4_096)
            assert begun.startswith(b"HTTP/1.1 101")
            for _ in range(20):
                assert await is_answering(server)
    finally:
        # Kills it if it is busy for ever, and would take all memory.
        await server.stop()


async def test_a_handshake_behind_answers_that_are_not_read_is_not_opened(real: Process) -> None:
    ana = await real.person(f"ana-{uuid4().hex[:12]}")
    room = await room_with(real, ana, 2)

    # Somewhere in between, the kernel takes all but a part of the last one.
    for answers in (1, 2, 4, *range(12, 20), 64):
        with unreading(real) as peer:
            peer.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: here\r\n\r\n" * answers)
            peer.sendall(handshake(room, ana))
            for _ in range(5):
                assert await is_answering(real)


async def test_answers_that_are_not_read_hold_little_of_the_kernels_memory(real: Process) -> None:
    peers = [unreading(real) for _ in range(20)]
    before = _tcp_pages()

    for peer in peers:
        peer.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: here\r\n\r\n" * 17)
    for _ in range(20):
        assert await is_answering(real)

    # Half a MiB each, where 4 are what the kernel would give.
    assert (_tcp_pages() - before) * 4_096 < 20 * 1_048_576
    for peer in peers:
        peer.close()


def _tcp_pages() -> int:
    line = next(
        line for line in Path("/proc/net/sockstat").read_text().splitlines() if "TCP:" in line
    )
    return int(line.split()[-1])


async def test_a_change_of_a_peer_that_sends_nothing_more_is_answered(real: Process) -> None:
    ana = await real.person(f"ana-{uuid4().hex[:12]}")
    body = json.dumps({"name": f"room-{uuid4().hex[:12]}", "kind": "public"}).encode()
    head = [
        b"POST /rooms HTTP/1.1",
        b"Host: here",
        b"Authorization: " + ana.bearer["Authorization"].encode(),
        b"Content-Type: application/json",
        b"Content-Length: %d" % len(body),
        b"",
        body,
    ]
    async with real.raw() as (reader, writer), patience("the answer"):
        writer.write(b"\r\n".join(head))
        writer.write_eof()

        answer = await reader.read()

    assert answer.startswith(b"HTTP/1.1 201 ")


async def test_too_much_behind_a_request_ends_the_connection_with_its_answer(
    real: Process,
) -> None:
    ana = await real.person(f"ana-{uuid4().hex[:12]}")
    room = await room_with(real, ana, 1)
    head = (await real.client().get(f"/rooms/{room}", headers=ana.bearer)).json()["head"]
    wait = (
        f"GET /rooms/{room}/events?since={head}&wait=1 HTTP/1.1\r\nHost: here\r\n"
        f"Authorization: {ana.bearer['Authorization']}\r\n\r\n"
    ).encode()
    async with real.raw() as (reader, writer), patience("the end"):
        writer.write(wait + b"GET /health HTTP/1.1\r\nHost: here\r\n\r\n" * 1_000)

        answers = await reader.read()

    assert answers.startswith(b"HTTP/1.1 200 ")
    assert answers.count(b"HTTP/1.1 ") == 1
