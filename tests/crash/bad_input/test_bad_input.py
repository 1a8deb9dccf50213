"""
Bad input of every kind at a real server: each is answered as documented, others notice nothing.

No answer is a 5xx, none takes long, nothing leaves a traceback, and two people who talk ten times
a second meanwhile miss nothing.
"""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import pytest
from websockets.frames import Opcode

from tests.crash.bad_input import frames, raw, requests
from tests.crash.bad_input.peers import BadClient, BadSocket, Verdict, send_raw
from tests.crash.test_floods import HEARD_P99_SECONDS, Canary, p99
from tests.harness.patience import PATIENCE_SECONDS
from tests.harness.process import Login, Process

pytestmark = [pytest.mark.crash, pytest.mark.sqlite_only, pytest.mark.timeout(2_400)]

# A share of the inputs, or all of them on a machine that does nothing else.
SHARES = pytest.mark.parametrize("each", [20, pytest.param(1, marks=pytest.mark.hard)])
HANG_SECONDS = 2.0
CLIENTS = 4
RAW_AT_ONCE = 40

Report = Callable[[str], None]


class Target:
    """A server that is tried, two people who talk on it, and someone who sends what is bad."""

    def __init__(self, server: Process, each: int) -> None:
        self.server = server
        self.each = each
        self.verdict = Verdict(HANG_SECONDS if each == 1 else PATIENCE_SECONDS)
        self.canary = Canary(server)
        self.eve: Login

    def some(self, inputs: Iterable[Any]) -> Iterator[Any]:
        """The share of the inputs that is tried."""
        return islice(inputs, 0, None, self.each)


def make_admin(server: Process, name: str) -> None:
    """As an operator does."""
    command = [sys.executable, "-m", "app", "user", "admin", name]
    subprocess.run(command, env=server._environment, check=True, capture_output=True)


@asynccontextmanager
async def tried(tmp_path: Path, each: int, report: Report) -> AsyncIterator[Target]:
    """A server for bad input; in the end, judge what it did."""
    server = Process(tmp_path, log_level="warning", access_token_minutes=120)
    await server.start()
    target = Target(server, each)
    try:
        ben, cleo, eve = [await server.person(name) for name in ("ben", "cleo", "eve")]
        await server.person("victim")
        async with server.client() as client:
            for room in (
                {"name": "quiet", "kind": "public"},
                {"name": "hidden", "kind": "private"},
            ):
                await client.post("/rooms", json=room, headers=ben.bearer)
        make_admin(server, "eve")
        target.eve = eve
        line = await server.joins(eve, "general")
        for _ in range(3):
            await line.ask("send", text="hi")
        await line.hang_up()
        lines = [await server.joins(who, "quiet") for who in (ben, cleo)]
        over = asyncio.Event()
        watching = asyncio.create_task(target.canary.watch(*lines, over))
        yield target
        over.set()
        await watching
        async with server.client() as client:
            assert (await client.get("/ready")).status_code == 200
    finally:
        await server.stop()

    heard, verdict = target.canary.heard, target.verdict
    report(
        f"{verdict.tried} inputs, {len(verdict.wrong)} answered wrongly; p99 of the others"
        f" {p99(heard) * 1_000:.0f} ms of {len(heard)}; {dict(verdict.answers.most_common(12))}"
    )
    assert verdict.wrong == []
    assert "Traceback" not in server.log
    assert "error" not in {line.split(" ")[1] for line in server.log.splitlines() if " " in line}
    if each == 1:
        assert p99(heard) <= HEARD_P99_SECONDS


@SHARES
async def test_bad_frames(tmp_path: Path, each: int, report: Report) -> None:
    async with tried(tmp_path, each, report) as target:
        bad = BadSocket(target.server.address, target.eve.token, target.verdict)
        for payload in target.some(frames.fixed()):
            await bad.send(payload)
        for payload in frames.binary():
            await bad.send(payload, Opcode.BINARY)
        bad.close()
    # Most are refused, and some are as they should be.
    assert target.verdict.answers["error invalid"] > target.verdict.tried / 4
    assert target.verdict.answers["error bad_request"] > target.verdict.tried / 20


@pytest.mark.parametrize("count", [2_000, pytest.param(100_000, marks=pytest.mark.hard)])
async def test_generated_frames(tmp_path: Path, count: int, report: Report) -> None:
    each = 1 if count > 10_000 else 20
    async with tried(tmp_path, each, report) as target:
        bad = BadSocket(target.server.address, target.eve.token, target.verdict)
        for payload in frames.mutated(count, Random(16)):
            await bad.send(payload)
        bad.close()
    assert target.verdict.answers["error invalid"] > count / 10
    assert target.verdict.answers["error bad_request"] > count / 10


@SHARES
async def test_bad_requests(tmp_path: Path, each: int, report: Report) -> None:
    async with tried(tmp_path, each, report) as target:
        async with target.server.client() as client:
            document = (await client.get("/openapi.json")).json()
        inputs = target.some(requests.fixed(document))

        async def send_all() -> None:
            bad = BadClient(target.server.address, target.eve.token, target.verdict)
            for request in inputs:
                await bad.send(request)
            bad.close()

        async with asyncio.TaskGroup() as group:
            for _ in range(CLIENTS):
                group.create_task(send_all())
    assert target.verdict.answers["error invalid"] > target.verdict.tried / 4
    assert target.verdict.answers["status 401"] < target.verdict.tried / 50


@SHARES
async def test_bad_bytes(tmp_path: Path, each: int, report: Report) -> None:
    async with tried(tmp_path, each, report) as target:
        inputs = target.some(raw.fixed(target.eve.token))

        async def send_all() -> None:
            for data in inputs:
                await send_raw(target.server.address, data, target.verdict)

        async with asyncio.TaskGroup() as group:
            for _ in range(RAW_AT_ONCE):
                group.create_task(send_all())
    assert target.verdict.answers["closed 4001"] > 0
    assert target.verdict.answers["status 400"] > 0
