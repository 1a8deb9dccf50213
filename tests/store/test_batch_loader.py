"""Concurrent look-ups, batched into one read."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from app.domain.errors import Unavailable
from app.store.batch_loader import BatchLoader, Loader
from app.store.database import DbConnection
from tests.harness.databases import GatedDatabase
from tests.harness.patience import until


class DoublingLoader:
    """Loads the doubles of numbers that are not negative, and records the batches of keys."""

    def __init__(self, batch_loader: BatchLoader) -> None:
        self.batches: list[list[int]] = []
        loader: Loader[int, int] = Loader(batch_loader, self._load)
        self.get = loader.get

    def _load(self, _connection: DbConnection, keys: Sequence[int]) -> Mapping[int, int]:
        self.batches.append(sorted(keys))
        return {key: 2 * key for key in keys if key >= 0}


async def test_concurrent_requests_share_one_read(gated: GatedDatabase) -> None:
    batch_loader = BatchLoader(gated)
    some, others = DoublingLoader(batch_loader), DoublingLoader(batch_loader)

    with gated.holding_reads() as gate:
        lone = some.get(0)
        await until(lambda: gate.waiting, "the first read")
        requests = [some.get(n) for n in (1, 2, 1, -3)] + [others.get(5)]
        await asyncio.sleep(0)

    assert await lone == 0
    assert await asyncio.gather(*requests) == [2, 4, 2, None, 10]
    assert some.batches == [[0], [-3, 1, 2]]
    assert others.batches == [[5]]
    assert gated.reads == 2


@pytest.mark.parametrize(
    ("seconds", "first"),
    [
        pytest.param(60.0, [0, 1, 2, 3, 4], id="share a read"),
        pytest.param(0.0, [0], id="don't, once the time is up"),
    ],
)
async def test_requests_of_consecutive_turns(
    gated: GatedDatabase, seconds: float, first: list[int]
) -> None:
    doubles = DoublingLoader(BatchLoader(gated, gather_seconds=seconds))

    requests = []
    for n in range(5):
        requests.append(doubles.get(n))
        await asyncio.sleep(0)

    assert await asyncio.gather(*requests) == [0, 2, 4, 6, 8]
    assert doubles.batches[0] == first


async def test_a_cancelled_request_does_not_affect_others(gated: GatedDatabase) -> None:
    doubles = DoublingLoader(BatchLoader(gated))

    with gated.holding_reads() as gate:
        first, second = doubles.get(1), doubles.get(1)
        await until(lambda: gate.waiting, "the read")
        first.cancel()

    assert await second == 2


async def test_a_failure_reaches_all_requests_and_the_next_starts_anew(
    gated: GatedDatabase,
) -> None:
    doubles = DoublingLoader(BatchLoader(gated))
    gated.fails_with = Unavailable()

    for request in [doubles.get(n) for n in (1, 2)]:
        with pytest.raises(Unavailable):
            await request
    gated.fails_with = None

    assert await doubles.get(1) == 2
