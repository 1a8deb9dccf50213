"""How long a test waits for what must come: a missing frame fails one test, and hangs none."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

PATIENCE_SECONDS = 30.0
"""Far more than anything takes here, on a busy machine too."""

# Between two looks at something that announces itself to nobody.
_LOOK_AGAIN_SECONDS = 0.002


@asynccontextmanager
async def patience(
    what: Callable[[], str] | str, seconds: float = PATIENCE_SECONDS
) -> AsyncIterator[None]:
    """Fail if the block takes longer, and say what was waited for."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        said = what if isinstance(what, str) else what()
        raise AssertionError(f"Waited {seconds:g} s for {said}.") from None


async def until(
    condition: Callable[[], object], what: str = "it", seconds: float = PATIENCE_SECONDS
) -> None:
    """Wait until ``condition`` holds: for what can only be looked at."""
    async with patience(what, seconds):
        while not condition():  # noqa: ASYNC110 - nobody sets an event for it
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)


async def turns(times: int = 50) -> None:
    """Let the event loop go round: whatever is ready to happen has then happened."""
    for _ in range(times):
        await asyncio.sleep(0)
