"""Deletes messages with a forbidden word, also edited ones; each third time, mutes for an hour.
Its user must be a moderator. It resumes after a restart: what was said meanwhile is read, too."""

import asyncio
import os
import re
from collections import Counter
from datetime import UTC, datetime, timedelta

from parley_client import Client, MessageCreated, MessageEdited, SqliteCursors

URL, ROOM = os.environ.get("PARLEY_URL", "http://127.0.0.1:8000"), os.environ["PARLEY_ROOM"]
LOGIN = os.environ["PARLEY_USER"], os.environ["PARLEY_PASSWORD"]
FORBIDDEN = re.compile(r"\b(spam|casino)\b", re.I)


async def main(strikes: Counter[str | None]) -> None:
    async with Client(URL, *LOGIN, cursors=SqliteCursors("moderation.db")) as chat:
        async for event in chat.room(ROOM):
            said = event if isinstance(event, MessageCreated | MessageEdited) else None
            if said and FORBIDDEN.search(said.text or ""):
                await chat.delete(ROOM, getattr(said, "ref", said.seq))
                strikes[said.by] += 1
                if strikes[said.by] % 3 == 0:
                    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
                    mute = f"/rooms/{ROOM}/members/{said.by}/mute"
                    await chat.http("PUT", mute, body={"until": until})


asyncio.run(main(Counter()))
