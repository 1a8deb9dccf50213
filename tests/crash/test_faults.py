"""
A server whose disk is full, whose clock jumps, and that has no descriptors left.

Senders send again with the same id what was not acknowledged; nothing acknowledged may be missing
afterwards, and nothing may be stored twice. What a test needs of the system is named where it is
skipped.
"""

import asyncio
import os
import random
import resource
import socket
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from uuid import uuid4

import pytest

from tests.crash.test_kill import Away, on_disk
from tests.harness.checker import History
from tests.harness.patience import patience
from tests.harness.process import Login, Process

pytestmark = [pytest.mark.crash, pytest.mark.sqlite_only, pytest.mark.timeout(900)]

LIBRARIES = Path("/usr/lib/x86_64-linux-gnu")
FAKETIME = LIBRARIES / "faketime" / "libfaketime.so.1"
NEEDS_FAKETIME = pytest.mark.skipif(not FAKETIME.exists(), reason="needs faketime")
SENDERS = 4


class Senders:
    """Clients that send until they are stopped, and what became of it."""

    def __init__(self, server: Process) -> None:
        self._server = server
        self.history = History()
        self.refused = 0
        """Answers that were errors: each is sent again."""
        self._stop = asyncio.Event()

    @asynccontextmanager
    async def sending(self) -> AsyncIterator[None]:
        """Send while the block runs; then until everything is acknowledged."""
        people = [await self._server.person(f"person-{n}") for n in range(SENDERS)]
        async with asyncio.TaskGroup() as group:
            for who in people:
                group.create_task(self._send(who))
            yield
            self._stop.set()

    @property
    def acknowledged(self) -> int:
        return len(self.history.acked)

    async def more(self, count: int) -> None:
        """Wait until so many more are acknowledged."""
        goal = self.acknowledged + count
        async with patience(f"{count} acknowledgements", 120):
            while self.acknowledged < goal:  # noqa: ASYNC110 - there is no event to wait for
                await asyncio.sleep(0.01)

    async def _send(self, who: Login) -> None:
        id, text = "", ""
        while id or not self._stop.is_set():
            with suppress(*Away):
                line = await self._server.joins(who, "general")
                while id or not self._stop.is_set():
                    if not id:
                        id, text = str(uuid4()), f"{who.name} {uuid4()}"
                        self.history.sent[id] = (who.name, text)
                    answer = await line.ask("send", id=id, text=text)
                    if answer["type"] == "ack":
                        self.history.acked[id].append(answer)
                        id = ""
                    else:
                        assert answer["code"] == "unavailable", answer
                        self.refused += 1
                        await asyncio.sleep(0.02)
                await line.hang_up()

    def check(self) -> None:
        """Compare what was acknowledged with the file."""
        stored, head, numbers, verdict = on_disk(self._server.database_file)
        assert verdict == "ok"
        assert self.history.violations(stored, head, numbers) == []
        assert len(self.history.acked) == len(self.history.sent)


@pytest.fixture(name="small_disk")
def _small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False).returncode:
        pytest.skip("mounts are not allowed here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


async def test_a_full_disk_loses_nothing_and_is_recovered_from(
    small_disk: Path, report: Callable[[str], None]
) -> None:
    server = Process(small_disk, log_level="error")
    # Its log is elsewhere: the disk is to be full of messages.
    server.log_file = small_disk.parent / "server.log"
    await server.start()
    senders = Senders(server)
    try:
        async with senders.sending():
            async with patience("the disk to be full", 300):
                while senders.refused < 20:  # noqa: ASYNC110 - nothing signals it
                    await asyncio.sleep(0.05)
            before = senders.acknowledged
            async with server.client() as client:
                assert (await client.get("/health")).status_code == 200
            grow = ["mount", "-o", "remount,size=50m", str(small_disk)]
            await asyncio.to_thread(subprocess.run, grow, check=True)
            began = asyncio.get_running_loop().time()
            await senders.more(1)
            seconds = asyncio.get_running_loop().time() - began
            await senders.more(50)
    finally:
        await server.stop()

    report(f"disk full after {before}, {senders.refused} refused, back in {seconds:.2f} s")
    senders.check()
    assert seconds < 2 + 8  # a busy machine
    assert "Traceback" not in server.log


@NEEDS_FAKETIME
async def test_a_clock_that_jumps_breaks_nothing(
    tmp_path: Path, report: Callable[[str], None]
) -> None:
    clock = tmp_path / "clock"
    clock.write_text("+0")
    server = Process(
        tmp_path,
        log_level="error",
        ld_preload=FAKETIME,
        faketime_timestamp_file=clock,
        faketime_no_cache=1,
        faketime_dont_fake_monotonic=1,
        access_token_minutes=1440,
    )
    await server.start()
    senders = Senders(server)
    # Within the life of a token.
    jumps = ["+3600", "-3600", "+80000", "-1", "+0"]
    try:
        async with senders.sending():
            for jump in jumps:
                await senders.more(50)
                clock.write_text(jump)
            await senders.more(50)
    finally:
        await server.stop()

    report(f"{len(jumps)} jumps of the clock, {senders.acknowledged} acknowledged, 0 lost")
    senders.check()
    assert "Traceback" not in server.log


async def test_a_server_without_descriptors_goes_on(tmp_path: Path) -> None:
    server = Process(tmp_path)
    await server.start()
    assert server.process is not None
    senders = Senders(server)
    try:
        async with senders.sending():
            await senders.more(20)
            resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (64, 64))
            host, _, port = server.address.partition(":")
            crowd = [socket.create_connection((host, int(port))) for _ in range(100)]
            await senders.more(50)
            async with patience("the line in the log"):
                while "accept.failed" not in server.log:
                    await senders.more(5)
            for connection in crowd:
                connection.close()
            await asyncio.sleep(random.random())
            async with patience("the server to be ready"), server.client() as client:
                while True:
                    with suppress(Exception):
                        if (await client.get("/ready")).status_code == 200:
                            break
                    await senders.more(1)
    finally:
        await server.stop()

    senders.check()
    assert server.log.count("accept.failed") <= 2
    assert "Traceback" not in server.log
