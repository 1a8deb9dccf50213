"""``parley tail``: a room's messages, as they come."""

import asyncio
from collections.abc import Callable

from ..client import Client
from .text import as_json, line_of

Print = Callable[[str], None]


async def tail(
    client: Client,
    name: str,
    *,
    since: int | None,
    last: int,
    follow: bool,
    json: bool,
    out: Print,
    warn: Print,
) -> None:
    """
    Print a room's events until cancelled.

    Args:
        client: Not open.
        name: Of the room; a public one is joined.
        since: Begin after this event; None: with the ``last`` newest messages.
        last: How many.
        follow: Go on when there are no more.
        json: Print every event as JSON, rather than messages for people.
        out: Prints a line.
        warn: Prints a line about the connection.

    Raises:
        ParleyError: If the room or the server is not there, or access ends.

    """
    async with client as chat:
        room = chat.room(name, since=since, history=last)
        watching = asyncio.create_task(_watch(chat, warn))
        try:
            async for event in room if follow else room.so_far():
                line = as_json(event) if json else line_of(event)
                if line is not None:
                    out(line)
        finally:
            watching.cancel()


async def _watch(chat: Client, warn: Print) -> None:
    async for signal in chat.signals:
        if signal.type == "disconnected":
            warn("The connection is lost; reconnecting.")
