"""Answers each message with its text: PARLEY_USER=echo PARLEY_PASSWORD=… python echo_bot.py"""

import asyncio
import os

from parley_client import Client, MessageCreated

URL = os.environ.get("PARLEY_URL", "http://127.0.0.1:8000")
ROOM = os.environ.get("PARLEY_ROOM", "general")


async def main() -> None:
    async with Client(URL, os.environ["PARLEY_USER"], os.environ["PARLEY_PASSWORD"]) as chat:
        async for event in chat.room(ROOM):
            if isinstance(event, MessageCreated) and event.text and event.by != chat.user:
                await chat.send(ROOM, event.text, reply_to=event.seq)


asyncio.run(main())
