"""A worker as its supervisor sees it, with a process that only talks to it."""

import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from app.workers.metrics import WorkerReport
from app.workers.worker_process import WorkerProcess
from tests.harness.patience import patience
from tests.harness.process import START_SECONDS

pytestmark = pytest.mark.crash

ROOT = Path(__file__).parents[2]

BLOCKS_ITS_EVENT_LOOP = """
import asyncio, socket, sys, time
from app.workers.supervisor_link import open_link

async def main():
    end = socket.socket(fileno=int(sys.argv[3]))
    async with open_link(end, on_stop=lambda: None, collect=dict) as link:
        link.ready()
        await asyncio.sleep(0.1)
        time.sleep(600)

asyncio.run(main())
"""


async def no_reports() -> Mapping[str, WorkerReport]:
    return {}


async def test_a_worker_whose_event_loop_is_blocked_is_killed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        worker = await WorkerProcess.start(
            [sys.executable, "-c", BLOCKS_ITS_EVENT_LOOP],
            1,
            listening,
            {**os.environ, "PYTHONPATH": str(ROOT)},
            no_reports,
        )
        assert await worker.becomes_ready()

        async with patience("the worker to be killed", START_SECONDS):
            await worker.ended.wait()

    assert worker.status == -9
