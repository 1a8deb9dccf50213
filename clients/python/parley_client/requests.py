"""What a user can ask for on the socket: requests that are carried out once."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from .events import parse_time
from .limits import Limits
from .session import Session


@dataclass(frozen=True, slots=True)
class Ack:
    """The server has carried a request out, and it is on disk."""

    seq: int | None
    """The number of its event; None: nothing had to be changed."""
    at: datetime
    duplicate: bool
    """Whether it had been carried out before, by an earlier try."""


class Requests(ABC):
    """The requests of a client that has a session while it is open."""

    _limits: Limits

    @property
    @abstractmethod
    def _open(self) -> Session:
        """The session. Raises Closed if there is none."""

    async def send(
        self,
        room: str,
        text: str,
        *,
        reply_to: int | None = None,
        data: Mapping[str, Any] | None = None,
        id: str | None = None,
        seconds: float | None = None,
    ) -> Ack:
        """
        Send a message; return when it is on disk.

        Stored once, however often the connection is lost meanwhile. Messages to a room are
        stored in the order of the calls. Safe to cancel, but it may have been stored.

        Args:
            room: Of which the user is a member.
            text: 1 to 4,000 characters.
            reply_to: The ``seq`` of a message in the room.
            data: A JSON object of the application's own, at most 4 KiB.
            id: To repeat a call whose outcome is unknown; random by default.
            seconds: How long to wait, reconnects included; ``request_seconds`` by default.

        Raises:
            NotAcknowledged: If there was no answer in time. It may have been stored.
            Refused: If the server refuses it. After ``rate_limited``, ``slow_mode``,
                ``unavailable`` and ``internal`` the client waits and retries first.
            Closed: If the client is closed.

        """
        body = {"text": text, "reply_to": reply_to, "data": data}
        return await self._append("send", room, body, id=id, seconds=seconds)

    async def edit(self, room: str, ref: int, text: str, *, seconds: float | None = None) -> Ack:
        """Replace the text of the user's own message ``ref``. As :meth:`send`."""
        return await self._append("edit", room, {"ref": ref, "text": text}, seconds=seconds)

    async def delete(self, room: str, ref: int, *, seconds: float | None = None) -> Ack:
        """Delete message ``ref``, as its author or a moderator. As :meth:`send`."""
        return await self._append("delete", room, {"ref": ref}, seconds=seconds)

    async def react(
        self, room: str, ref: int, emoji: str, *, on: bool = True, seconds: float | None = None
    ) -> Ack:
        """Add a reaction to message ``ref``, or remove it. As :meth:`send`."""
        body = {"ref": ref, "emoji": emoji, "on": on}
        return await self._append("react", room, body, seconds=seconds)

    async def pin(
        self, room: str, ref: int, *, on: bool = True, seconds: float | None = None
    ) -> Ack:
        """Pin message ``ref``, or unpin it. As :meth:`send`."""
        return await self._append("pin", room, {"ref": ref, "on": on}, seconds=seconds)

    async def read(
        self, room: str, seq: int, *, force: bool = False, seconds: float | None = None
    ) -> Mapping[str, Any]:
        """
        Mark everything up to ``seq`` as read; return ``read``, ``unread`` and ``mentions``.

        With ``force`` everything after it is unread again, for this user alone.
        """
        fields = {"seq": seq, "force": True} if force else {"seq": seq}
        return await self._request("read", room, fields, seconds=seconds)

    def typing(self, room: str, *, on: bool = True) -> None:
        """Tell the room that the user types, or has stopped. Lost if the room is not live."""
        if self._open.is_live(room):
            self._open.write({"type": "typing", "room": room.lower(), "on": on})

    async def _append(
        self,
        kind: str,
        room: str,
        body: Mapping[str, Any],
        *,
        id: str | None = None,
        seconds: float | None,
    ) -> Ack:
        answer = await self._request(kind, room, body, id=id, seconds=seconds)
        return Ack(
            answer.get("seq"), parse_time(answer["at"]), bool(answer.get("duplicate", False))
        )

    async def _request(
        self,
        kind: str,
        room: str,
        body: Mapping[str, Any],
        *,
        id: str | None = None,
        seconds: float | None,
    ) -> Mapping[str, Any]:
        given = {name: value for name, value in body.items() if value is not None}
        frame = {"type": kind, "id": id or uuid4().hex, "room": room.lower(), **given}
        return await self._open.outbox.request(
            frame, seconds=self._limits.request_seconds if seconds is None else seconds
        )
