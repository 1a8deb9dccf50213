"""Nothing lost, nothing doubled, order kept: a real server, through a network with faults."""

import asyncio
import json
import os
from itertools import count
from pathlib import Path
from random import Random

import pytest

from tests.client.fault_proxy import FaultProxy, fault_proxy
from tests.harness.patience import patience
from tests.harness.process import PASSWORD, Process
from tests.javascript.conftest import node

pytestmark = [pytest.mark.sqlite_only, pytest.mark.slow]

SCRIPT = Path(__file__).parent / "delivery.mjs"
_NUMBERS = count(1)


async def _fault(proxy: FaultProxy, rng: Random) -> None:
    await asyncio.sleep(rng.uniform(0.001, 0.02))
    match rng.randrange(4):
        case 0:
            proxy.cut()
        case 1:
            proxy.half_close()
        case 2:
            proxy.swallows = True
            await asyncio.sleep(rng.uniform(0.001, 0.01))
            proxy.cut()
        case 3:
            proxy.stall()
            await asyncio.sleep(rng.uniform(0.001, 0.02))
            proxy.flow()


@pytest.mark.parametrize(
    ("sends", "reconnects"),
    [
        pytest.param(1_000, 100, id="many"),
        pytest.param(
            10_000, 1_000, id="all", marks=[pytest.mark.hard, pytest.mark.timeout(1_800)]
        ),
    ],
)
async def test_faults_lose_and_double_nothing(
    process: Process, sends: int, reconnects: int
) -> None:
    rng = Random(14)
    name = f"ana{next(_NUMBERS)}"
    ana = await process.person(name)
    room = f"faults-{sends}"
    created = await process.client().post(
        "/rooms", json={"name": room, "kind": "public"}, headers=ana.bearer
    )
    assert created.status_code == 201, created.text
    async with fault_proxy(process.address) as proxy:
        client = await asyncio.create_subprocess_exec(
            node(),
            "--experimental-websocket",
            "--no-warnings",
            str(SCRIPT),
            f"http://{proxy.address}",
            *(name, PASSWORD, room, str(sends)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=2**24,
            env={"PATH": os.environ["PATH"]},
        )
        assert client.stdin is not None
        assert client.stdout is not None
        try:
            assert await client.stdout.readline() == b"connected\n"
            while proxy.websockets <= reconnects and client.returncode is None:
                # As many as keep the sender busy until the last fault.
                allowed = proxy.websockets * sends // reconnects + 1
                client.stdin.write(f"{allowed}\n".encode())
                await client.stdin.drain()
                await _fault(proxy, rng)
            client.stdin.write(f"{sends}\n".encode())
            async with patience("the rest to be sent", 600):
                output, _ = await client.communicate()
        finally:
            if client.returncode is None:
                client.kill()
                await client.wait()

    assert client.returncode == 0
    result = json.loads(output)
    expected = [f"{number}" for number in range(sends)]
    assert result["heard"] == expected
    assert result["seqs"] == sorted(set(result["seqs"]))
    log = await process.client().get(
        f"/rooms/{room}/events",
        headers={**ana.bearer, "Accept": "application/x-ndjson"},
    )
    stored = [json.loads(line) for line in log.text.splitlines()]
    assert [e["text"] for e in stored if e["type"] == "message.created"] == expected
