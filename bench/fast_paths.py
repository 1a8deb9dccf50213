"""
``python -m bench.fast_paths``: what the fast paths of decision 0010 save per call.

Compares a statement through SQLite's driver and through SQLAlchemy, and a round trip to a thread
through ``Threads`` and through an executor. Each figure is the tenth percentile of some thousand
calls, which leaves out the noise.
"""

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import sqlalchemy as sa
import uvloop
from sqlalchemy.pool import StaticPool

from app.store.sqlite_connection import SqliteConnection
from app.store.thread_pool import ThreadPool
from bench.machine import SERVER_CORE, describe, on_core

_TIMES = 5_000
_SQL = "SELECT id, said FROM notes WHERE id = :id"


def main() -> None:
    """Print a table."""
    print(", ".join(f"{name} {value}" for name, value in describe().items()))
    with on_core(SERVER_CORE):
        rows = {**_statements(), **uvloop.run(_hops())}
    for title, seconds in rows.items():
        print(f"{title:45}{seconds * 1e6:8.1f} µs")


def _statements() -> dict[str, float]:
    memory = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    memory.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, said TEXT)")
    memory.execute("INSERT INTO notes VALUES (1, 'hi')")
    engine = sa.create_engine("sqlite://", creator=lambda: memory, poolclass=StaticPool)
    sa.event.listen(engine, "begin", lambda c: c.exec_driver_sql("BEGIN"))
    text = sa.text(_SQL)
    with engine.connect() as connection, connection.begin():
        return {
            "a statement by SQLAlchemy": _timed(lambda: connection.execute(text, {"id": 1}).all()),
            "a statement by the driver": _timed(
                lambda: SqliteConnection(connection).driver.execute(_SQL, {"id": 1}).fetchall()
            ),
        }


async def _hops() -> dict[str, float]:
    loop = asyncio.get_running_loop()
    threads, executor = ThreadPool(1, "bench"), ThreadPoolExecutor(1)
    work = partial(abs, -1)
    found = {
        "a thread and back by an executor": await _awaited(
            lambda: loop.run_in_executor(executor, work)
        ),
        "a thread and back by ours": await _awaited(lambda: threads.run(abs, -1)),
    }
    threads.close()
    executor.shutdown()
    return found


def _timed(call: Callable[[], object]) -> float:
    took = []
    for _ in range(_TIMES):
        began = time.perf_counter()
        call()
        took.append(time.perf_counter() - began)
    return sorted(took)[_TIMES // 10]


async def _awaited(call: Callable[[], Awaitable[object]]) -> float:
    took = []
    for _ in range(_TIMES):
        began = time.perf_counter()
        await call()
        took.append(time.perf_counter() - began)
    return sorted(took)[_TIMES // 10]


if __name__ == "__main__":
    main()
