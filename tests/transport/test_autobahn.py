"""
Autobahn's TestSuite against the WebSocket class: an echo over :class:`Transport`.

It runs on Python 2.7, which Debian no longer has. Where ``wstest`` is not found (``WSTEST``, or
the PATH), these tests are skipped::

    python2.7 -m pip install --target vv27 virtualenv==20.15.1
    PYTHONPATH=vv27 python2.7 -m virtualenv ab27
    ab27/bin/pip install autobahntestsuite==25.10.1
    WSTEST=ab27/bin/wstest pytest -m hard tests/transport/test_autobahn.py
"""

import asyncio
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from app.transport.base import EXTENSION
from app.transport.context import TransportLimits
from app.wire.websocket_frame import binary_frame, text_frame
from tests.transport.conftest import listening

WSTEST = os.environ.get("WSTEST") or shutil.which("wstest")
PASSED = {"OK", "NON-STRICT", "INFORMATIONAL"}
# Groups 9, 12 and 13 send messages of 16 MiB, and one message in 65,536 fragments.
LIMITS = TransportLimits(
    max_message_bytes=32 << 20, control_frames_per_second=1e9, control_frame_burst=1e9
)
FUNCTIONAL = {"cases": ["*"], "exclude-cases": ["9.*", "12.*", "13.*"]}
LARGE_AND_COMPRESSED = {"cases": ["9.*", "12.*", "13.*"], "exclude-cases": []}

pytestmark = [
    pytest.mark.hard,
    pytest.mark.skipif(WSTEST is None, reason="wstest needs Python 2.7, which Debian has not"),
]


async def echo(scope: Any, receive: Any, _send: Any) -> None:
    """Send every message back, as what it was."""
    assert (await receive())["type"] == "websocket.connect"
    socket, done = scope["extensions"][EXTENSION], asyncio.Event()

    def send_back(message: str | bytes) -> None:
        if isinstance(message, str):
            socket.write(text_frame(message.encode()))
        else:
            socket.write(binary_frame(message))

    socket.write(socket.accept(None))
    socket.set_receiver(send_back, done.set)
    await done.wait()


async def run_cases(server: Any, folder: Path, cases: dict[str, list[str]]) -> dict[str, Any]:
    """The result of each case, by its number."""
    assert WSTEST is not None
    async with listening(server, app=echo, limits=LIMITS, compression=True) as (port, _):
        spec = folder / "spec.json"
        servers = [{"agent": "parley", "url": f"ws://127.0.0.1:{port}/ws"}]
        outdir = str(folder / "reports")
        spec.write_text(json.dumps({"outdir": outdir, "servers": servers, **cases}))
        wstest = await asyncio.create_subprocess_exec(
            *(WSTEST, "-m", "fuzzingclient", "-s", str(spec)),
            cwd=folder,
            stdout=asyncio.subprocess.DEVNULL,
        )
        assert await wstest.wait() == 0
    results: dict[str, Any] = json.loads((folder / "reports" / "index.json").read_text())["parley"]
    return results


@pytest.mark.parametrize(
    ("cases", "count"),
    [(FUNCTIONAL, 247), (LARGE_AND_COMPRESSED, 270)],
    ids=["functional", "large"],
)
@pytest.mark.timeout(5_400)
async def test_no_case_fails(tmp_path: Path, cases: dict[str, list[str]], count: int) -> None:
    results = await run_cases(None, tmp_path, cases)

    failed = {
        case: result
        for case, result in results.items()
        if not {result["behavior"], result["behaviorClose"]} <= PASSED
    }
    assert failed == {}
    assert len(results) == count
