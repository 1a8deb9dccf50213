"""
How a supervisor and a worker talk: JSON objects, one a line, over a pair of sockets.

The end of the channel says something, too: the other process is gone, however it ended.
"""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

from ..domain.server_limits import MAX_WORKER_MESSAGE_BYTES


class Channel:
    """One end. Used in one event loop; made by :meth:`open`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._asked = 0
        # Of each question that has none yet, the answer.
        self._answers: dict[int, asyncio.Future[Any]] = {}

    @classmethod
    async def open(cls, end: socket.socket) -> "Channel":
        """Use one socket of a pair, and close it with the channel."""
        return cls(*await asyncio.open_unix_connection(sock=end, limit=MAX_WORKER_MESSAGE_BYTES))

    def say(self, what: str) -> None:
        """Say something. Never awaits; without effect if the other end is gone."""
        self._send({"say": what})

    def beat(self) -> None:
        """
        Say that this process runs. Never awaits.

        Only if all has been taken that was said before: a process that takes nothing is not
        written to for ever.
        """
        if not self._writer.transport.get_write_buffer_size():
            self.say("alive")

    async def ask(self, what: str, seconds: float) -> Any:
        """
        Ask, and return the answer. Safe to cancel; :meth:`messages` must be running.

        Raises:
            TimeoutError: If there is no answer in time.

        """
        self._asked += 1
        number = self._asked
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        self._send({"ask": what, "number": number})
        try:
            async with asyncio.timeout(seconds):
                return await answer
        finally:
            del self._answers[number]

    def answer(self, number: int, value: Any) -> None:
        """Answer the question that has this number. Never awaits."""
        self._send({"answer": value, "number": number})

    async def messages(self) -> AsyncIterator[dict[str, Any]]:
        """What is said (``say``) and asked (``ask``, ``number``), until the other end is gone."""
        while (message := await self._receive()) is not None:
            if "answer" not in message:
                yield message
            elif (answer := self._answers.get(message["number"])) and not answer.done():
                answer.set_result(message["answer"])

    def close(self) -> None:
        """Close this end. Idempotent."""
        self._writer.close()

    def _send(self, message: dict[str, Any]) -> None:
        if not self._writer.is_closing():
            self._writer.write(json.dumps(message).encode() + b"\n")

    async def _receive(self) -> dict[str, Any] | None:
        try:
            line = await self._reader.readline()
        except OSError:
            return None
        # What has no end was cut off by the death of its sender.
        message: dict[str, Any] | None = json.loads(line) if line.endswith(b"\n") else None
        return message
