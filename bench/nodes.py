"""
``python -m bench.nodes``: two nodes on one PostgreSQL database (``BENCH_DATABASE_URL``).

How soon the other node hears a message, and what a broker costs a send: pairs of runs with it and
without it, one after the other, in alternating order.
"""

import argparse
import asyncio
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from statistics import median, quantiles
from urllib.parse import urlsplit

import psycopg
from httpx2 import AsyncClient, TransportError
from websockets.asyncio.client import ClientConnection, connect

from app.store import migrations
from app.store.postgres import PostgresDatabase
from bench import machine

_ROOT = Path(__file__).resolve().parent.parent
_PASSWORD = "correct horse battery"
_ROOM = "general"
# No server listens there: the node has no broker, and polls.
_NO_BROKER = {"NOTIFY_DATABASE_URL": "postgresql://127.0.0.1:1/none"}


def main() -> int:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.nodes")
    parser.add_argument("--url", default=os.environ.get("BENCH_DATABASE_URL", ""))
    parser.add_argument("--redis", default="", help="REDIS_URL of the nodes")
    parser.add_argument("--rate", type=int, default=200, help="messages per second")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--pairs", type=int, default=7)
    chosen = parser.parse_args()
    if not chosen.url:
        parser.error("needs --url, or BENCH_DATABASE_URL, of a PostgreSQL server")
    print(", ".join(f"{name} {value}" for name, value in machine.describe().items()))
    print(f"load before: {os.getloadavg()[0]:.2f}")
    asyncio.run(_measure(chosen))
    print(f"load after: {os.getloadavg()[0]:.2f}")
    return 0


async def _measure(chosen: argparse.Namespace) -> None:
    broker = {"REDIS_URL": chosen.redis} if chosen.redis else {}
    async with _two_nodes(chosen.url, broker) as (a, b):
        await _heard_elsewhere(a, b, chosen.rate, chosen.seconds)
    ratios = []
    for pair in range(chosen.pairs):
        seconds = {}
        for name in ("with", "without") if pair % 2 else ("without", "with"):
            environment = broker if name == "with" else _NO_BROKER
            async with _two_nodes(chosen.url, environment) as (a, b):
                seconds[name] = await _closed_loop(a, b)
        ratios.append(seconds["without"] / seconds["with"])
        print(
            f"pair {pair + 1}: a send takes {1_000 * seconds['with']:.2f} ms with the broker, "
            f"{1_000 * seconds['without']:.2f} ms without; rate with/without {ratios[-1]:.3f}"
        )
    if ratios:
        print(f"median of the ratios: {median(ratios):.3f}")


async def _heard_elsewhere(a: str, b: str, rate: int, seconds: float) -> None:
    """Send at a rate on node A; print when A acknowledged and when node B heard."""
    sender, listener = await _join(a, "ana"), await _join(b, "ben")
    sent: dict[str, float] = {}
    heard: dict[str, float] = {}
    acked: dict[str, float] = {}
    count = int(rate * seconds)

    async def listen(connection: ClientConnection, times: dict[str, float], kind: str) -> None:
        while len(times) < count:
            frame = json.loads(await connection.recv())
            if frame["type"] == kind and frame.get("id", frame.get("re")) in sent:
                times[frame.get("id", frame.get("re"))] = time.perf_counter()

    listening = asyncio.gather(
        listen(listener, heard, "message.created"), listen(sender, acked, "ack")
    )
    began = time.perf_counter()
    for number in range(count):
        await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
        client_id = secrets.token_hex(8)
        sent[client_id] = time.perf_counter()
        await sender.send(
            json.dumps({"type": "send", "room": _ROOM, "id": client_id, "text": "x" * 100})
        )
    await asyncio.wait_for(listening, 30)
    print(f"{count} messages at {rate}/s:")
    for what, times in (("acknowledged", acked), ("heard on the other node", heard)):
        _print_times(f"  from send to {what}", [times[one] - at for one, at in sent.items()])
    _print_times("  from ack to heard", [heard[one] - at for one, at in acked.items()])
    await asyncio.gather(sender.close(), listener.close())


async def _closed_loop(a: str, b: str, count: int = 1_500) -> float:
    """Send one message after the other on node A, while B listens; return a send's median."""
    sender, listener = await _join(a, "ana"), await _join(b, "ben")

    async def listen() -> None:
        async for _ in listener:
            pass

    listening = asyncio.create_task(listen())
    times = []
    for number in range(count):
        frame = {"type": "send", "room": _ROOM, "id": f"{secrets.token_hex(4)}-{number}"}
        began = time.perf_counter()
        await sender.send(json.dumps({**frame, "text": "x" * 100}))
        while json.loads(await sender.recv()).get("type") != "ack":
            pass
        times.append(time.perf_counter() - began)
    listening.cancel()
    await asyncio.gather(sender.close(), listener.close())
    return median(times[100:])


def _print_times(what: str, seconds: Sequence[float]) -> None:
    cuts = quantiles(seconds, n=100)
    print(f"{what}: p50 {1_000 * cuts[49]:.1f} ms, p99 {1_000 * cuts[98]:.1f} ms")


async def _join(address: str, name: str) -> ClientConnection:
    async with AsyncClient(base_url=f"http://{address}") as http:
        await http.post("/users", json={"username": name, "password": _PASSWORD})
        answer = await http.post("/token", data={"username": name, "password": _PASSWORD})
        token = answer.json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    connection = await connect(
        f"ws://{address}/ws/{_ROOM}", additional_headers=headers, compression=None
    )
    while json.loads(await connection.recv())["type"] != "caught_up":
        pass
    return connection


@asynccontextmanager
async def _two_nodes(url: str, environment: dict[str, str]) -> AsyncIterator[tuple[str, str]]:
    """The addresses of two nodes on a database of their own, which are ready."""
    name = f"parley_bench_{secrets.token_hex(4)}"
    own = urlsplit(url)._replace(scheme="postgresql", path=f"/{name}").geturl()
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}".encode())
    processes: list[subprocess.Popen[bytes]] = []
    try:
        database = PostgresDatabase(own)
        await database.write(migrations.upgrade)
        await database.close()
        with tempfile.TemporaryDirectory(prefix="parley-bench-") as folder:
            ports = [machine.free_port() for _ in range(2)]
            for port in ports:
                processes.append(_start(port, own, Path(folder), environment))
            await asyncio.gather(*(_ready(f"127.0.0.1:{port}") for port in ports))
            yield f"127.0.0.1:{ports[0]}", f"127.0.0.1:{ports[1]}"
    finally:
        for process in processes:
            process.kill()
            process.wait()
        with psycopg.connect(url, autocommit=True) as server:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def _start(
    port: int, url: str, folder: Path, environment: dict[str, str]
) -> subprocess.Popen[bytes]:
    unlimited = ("SENDS_PER_SECOND", "FRAMES_PER_SECOND", "REGISTRATIONS_PER_MINUTE")
    return subprocess.Popen(
        [sys.executable, "-m", "app", "serve", "--port", str(port)],
        cwd=_ROOT,
        env={
            **os.environ,
            "DATA_DIR": str(folder),
            "DATABASE_URL": url,
            "SECRET_KEY": "a-secret-of-the-benchmark-5cbd6a4e2f",
            "LOG_LEVEL": "critical",
            **dict.fromkeys(unlimited, "0"),
            **environment,
        },
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )


async def _ready(address: str) -> None:
    async with AsyncClient(base_url=f"http://{address}", timeout=2) as http:
        for _ in range(600):
            with suppress(TransportError):
                await http.get("/health")
                # The broker connects in the background.
                await asyncio.sleep(0.5)
                return
            await asyncio.sleep(0.05)
    raise SystemExit(f"No server answers on {address}.")


if __name__ == "__main__":
    sys.exit(main())
