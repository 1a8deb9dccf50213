"""Standard output whose reader may go away."""

import asyncio
import os
import stat
import sys
from collections.abc import Coroutine
from typing import Any


async def while_it_is_read(work: Coroutine[Any, Any, None]) -> None:
    """
    Run ``work`` until it ends, or until standard output has no reader any more.

    Printing would fail then, but what waits for the next message prints nothing.

    Raises:
        BrokenPipeError: If the reader has gone.

    """
    task = asyncio.create_task(work)
    gone = asyncio.Event()

    def on_gone() -> None:
        gone.set()
        task.cancel()

    output = sys.stdout.fileno()
    is_pipe = stat.S_ISFIFO(os.fstat(output).st_mode)
    loop = asyncio.get_running_loop()
    if is_pipe:
        # The writing end of a pipe is reported as readable when its other end is closed.
        loop.add_reader(output, on_gone)
    try:
        await task
    except asyncio.CancelledError:
        if gone.is_set():
            raise BrokenPipeError from None
        task.cancel()
        raise
    finally:
        if is_pipe:
            loop.remove_reader(output)
