"""Two nodes on one PostgreSQL database, on ports that stay when a node is started again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import NamedTuple

from tests.crash.postgres_env import ParleyOn
from tests.harness.postgres_server import PostgresServer
from tests.harness.redis_server import RedisServer
from tests.harness.sockets import free_port


class TwoNodes(NamedTuple):
    """Two running nodes; a :class:`~app.torture.server_killer.ServerKiller` of either."""

    both: tuple[ParleyOn, ParleyOn]
    rng: Random

    @property
    def urls(self) -> list[str]:
        """Their addresses."""
        return [f"http://{node.address}" for node in self.both]

    async def kill(self) -> int:
        """Kill one of them, and start it again."""
        node = self.rng.choice(self.both)
        node.kill()
        await node.start()
        return 1


@asynccontextmanager
async def two_nodes(
    postgres: PostgresServer, folder: Path, redis: RedisServer | None, seed: int
) -> AsyncIterator[TwoNodes]:
    """Two nodes on a new installation until the block ends; None: without Redis."""
    nodes = []
    for name in "ab":
        (folder / name).mkdir()
        node = ParleyOn(
            postgres,
            folder / name,
            port=free_port(),
            redis_url="" if redis is None else redis.url,
        )
        nodes.append(node)
    a, b = nodes
    await a.install()
    try:
        await asyncio.gather(a.start(), b.start())
        yield TwoNodes((a, b), Random(seed))
    finally:
        await asyncio.gather(a.stop(), b.stop())
    assert "Traceback" not in a.log + b.log, a.log + b.log
