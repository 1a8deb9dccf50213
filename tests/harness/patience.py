"""Bounded waiting: a frame that doesn't come fails one test instead of hanging the run."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

PATIENCE_SECONDS = 30.0
"""Far more than anything takes here, on a busy machine too."""

# Between two checks of a condition that can only be polled.
_POLL_SECONDS = 0.002


@asynccontextmanager
async def patience(
    what: Callable[[], str] | str, seconds: float = PATIENCE_SECONDS
) -> AsyncIterator[None]:
    """Fail if the block takes longer than ``seconds``; ``what`` describes what was waited for."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        description = what if isinstance(what, str) else what()
        raise AssertionError(f"Waited {seconds:g} s for {description}.") from None


async def until(
    condition: Callable[[], object], what: str = "it", seconds: float = PATIENCE_SECONDS
) -> None:
    """Poll until ``condition`` holds."""
    async with patience(what, seconds):
        while not condition():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(_POLL_SECONDS)


async def turns(times: int = 50) -> None:
    """Run the event loop for some turns, so that every ready callback and task has run."""
    for _ in range(times):
        await asyncio.sleep(0)
