"""
A server whose disk fails to write: some of the time, and at each operation in turn.

The disk is a library that is preloaded (``io_faults.c``): it fails the database and its WAL.
"""

import asyncio
import errno
import mmap
import shutil
import struct
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.domain.close_codes import UNAVAILABLE
from tests.crash.test_faults import Senders
from tests.harness.patience import patience
from tests.harness.process import Login, Process
from tests.harness.sockets import Closed

pytestmark = [
    pytest.mark.crash,
    pytest.mark.sqlite_only,
    pytest.mark.timeout(1_800),
    pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler"),
]

SOURCE = Path(__file__).with_name("io_faults.c")
ERRORS = {"EIO": errno.EIO, "ENOSPC": errno.ENOSPC}
# Of the operations that write, of which a message takes four.
FAILING = 0.05


class Disk:
    """The disk of a server; it is good at first."""

    _FIELDS = ("operations", "failed", "first", "last", "per_million", "error")

    def __init__(self, control: mmap.mmap) -> None:
        self._control = control

    def __getattr__(self, name: str) -> int:
        value: int = struct.unpack_from("q", self._control, 8 * self._FIELDS.index(name))[0]
        return value

    def _set(self, name: str, value: int) -> None:
        struct.pack_into("q", self._control, 8 * self._FIELDS.index(name), value)

    @contextmanager
    def failing(self, share: float, error: int) -> Iterator[None]:
        """Of the operations in the block, so many fail."""
        self._set("error", error)
        self._set("per_million", int(share * 1_000_000))
        yield
        self._set("per_million", 0)

    @contextmanager
    def failing_at(self, number: int, error: int, *, times: int = 1) -> Iterator[None]:
        """The operation of this number from now on fails, and as many after it."""
        self._set("error", error)
        self._set("first", self.operations + number)
        self._set("last", self.operations + number + times - 1)
        yield
        self._set("last", 0)


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is preloaded."""
    library = tmp_path_factory.mktemp("io_faults") / "io_faults.so"
    command = ["cc", "-O2", "-shared", "-fPIC", "-o", str(library), str(SOURCE), "-ldl"]
    subprocess.run(command, check=True)
    return library


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    path = tmp_path / "control"
    path.write_bytes(bytes(8 * len(Disk._FIELDS)))
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as control:
        yield Disk(control)


@pytest.fixture
def server(tmp_path: Path, library: Path, disk: Disk) -> Process:
    """A server on that disk, not started."""
    return Process(
        tmp_path,
        log_level="warning",
        ld_preload=library,
        io_faults_file=tmp_path / "data" / "parley.db",
        io_faults_control=tmp_path / "control",
    )


async def health(server: Process) -> int:
    async with server.client() as client:
        return (await client.get("/health")).status_code


async def becomes_ready(server: Process) -> None:
    said = ""

    def what() -> str:
        return f"the server to be ready: {said}\n{server.log}"

    async with patience(what), server.client() as client:
        while (answer := await client.get("/ready")).status_code != 200:
            said = answer.text
            await asyncio.sleep(0.05)


def lines(server: Process, event: str) -> int:
    return server.log.count(event)


@pytest.mark.parametrize("errors", [30, pytest.param(500, marks=pytest.mark.hard)])
@pytest.mark.parametrize("error", ERRORS)
async def test_a_disk_that_fails_now_and_then_loses_nothing_that_was_acknowledged(
    server: Process, disk: Disk, error: str, errors: int, report: Callable[[str], None]
) -> None:
    await server.start()
    senders = Senders(server)
    try:
        async with senders.sending():
            await senders.more(20)
            with disk.failing(FAILING, ERRORS[error]):
                while disk.failed < errors:
                    await senders.more(5)
                    assert await health(server) == 200
            await senders.more(50)
            await becomes_ready(server)
    finally:
        await server.stop()

    report(
        f"{error}: {disk.failed} of {disk.operations} operations failed, {senders.refused} answers"
        f" `unavailable`, {senders.acknowledged} acknowledged, 0 lost"
    )
    assert senders.refused > 0
    senders.check()
    assert "Traceback" not in server.log


@pytest.mark.parametrize("error", ERRORS)
async def test_a_disk_that_fails_for_a_while_is_said_once_and_recovered_from(
    server: Process, disk: Disk, error: str
) -> None:
    await server.start()
    senders = Senders(server)
    try:
        async with senders.sending():
            await senders.more(20)
            with disk.failing(1.0, ERRORS[error]):
                async with patience("refusals"):
                    while senders.refused < 40:  # noqa: ASYNC110 - nothing signals it
                        await asyncio.sleep(0.01)
                refused_at = senders.acknowledged
                assert await health(server) == 200
                async with server.client() as client:
                    assert (await client.get("/ready")).status_code == 503
            await senders.more(50)
            await becomes_ready(server)
    finally:
        await server.stop()

    assert senders.acknowledged >= refused_at + 50
    senders.check()
    said = lines(server, "database.failed")
    assert 1 <= said <= 4, server.log
    assert "Traceback" not in server.log


async def life(server: Process, who: Login, text: str) -> list[str]:
    """Send, change and delete; return the codes of what was refused."""
    codes = []
    while True:
        try:
            line = await server.joins(who, "general")
            break
        except Closed as closed:
            if closed.code != UNAVAILABLE.code:
                raise
            codes.append("unavailable")

    async def does(type: str, **fields: object) -> int | None:
        answer = await line.ask(type, **fields)
        if answer["type"] == "error":
            codes.append(answer["code"])
            answer = await line.ask(type, id=answer["re"], **fields)
        assert answer["type"] == "ack", answer
        seq: int | None = answer["seq"]
        return seq

    seq = await does("send", text=text)
    await does("edit", ref=seq, text=f"{text} again")
    await does("react", ref=seq, emoji="👍", on=True)
    await does("delete", ref=await does("send", text="a secret"))
    await line.hang_up()
    return codes


@pytest.mark.parametrize("numbers", [24, pytest.param(400, marks=pytest.mark.hard)])
async def test_each_operation_may_fail_in_turn(
    server: Process, disk: Disk, numbers: int, report: Callable[[str], None]
) -> None:
    await server.start()
    refused: list[str] = []
    try:
        ana = await server.person("ana")
        for number in range(1, numbers + 1):
            # Each begins where the last has ended: what fails is of any of the requests.
            with disk.failing_at(1 + number % 40, list(ERRORS.values())[number % 2]):
                refused += await life(server, ana, f"number {number}")
    finally:
        await server.stop()

    report(f"{disk.failed} operations failed, each alone; {len(refused)} answers `unavailable`")
    assert set(refused) == {"unavailable"}
    assert disk.failed > numbers / 2
    await server.start()
    try:
        line = await server.joins(ana, "general", since=0)
        texts = [e["text"] for e in line.events if e["type"] == "message.edited"]
        assert texts == [f"number {n} again" for n in range(1, numbers + 1)]
    finally:
        await server.stop()
    assert "Traceback" not in server.log


@pytest.mark.parametrize("numbers", [6, pytest.param(80, marks=pytest.mark.hard)])
async def test_a_start_may_fail_at_each_operation(
    server: Process, disk: Disk, numbers: int, report: Callable[[str], None]
) -> None:
    """The first one with the migrations: the next start finds all of them, or none."""
    refused = 0
    for number in range(1, numbers + 1):
        with disk.failing_at(number * 3, errno.EIO, times=1_000_000):
            try:
                await server.start()
            except AssertionError:  # it has ended
                refused += 1
            finally:
                await server.stop()
    said = server.log
    await server.start()
    try:
        ana = await server.person("ana")
        assert await life(server, ana, "hello") == []
    finally:
        await server.stop()

    report(f"{refused} of {numbers} starts refused")
    assert refused > 0
    assert "Traceback" not in said
