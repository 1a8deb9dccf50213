"""What the server sends on a socket besides events: the payloads of its text frames."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from ..domain.appends import Committed
from ..domain.clock import iso


def welcome(
    *,
    user: str,
    display_name: str,
    epoch: str,
    now: int,
    heartbeat_seconds: int,
    expires_in: int,
    limits: Mapping[str, int],
    rooms: Sequence[Mapping[str, Any]] | None,
) -> bytes:
    """The first frame of every connection. ``rooms`` only on ``/ws``."""
    body = {
        "type": "welcome",
        "user": user,
        "display_name": display_name,
        "epoch": epoch,
        "server_time": iso(now),
        "heartbeat_seconds": heartbeat_seconds,
        "expires_in": expires_in,
        "limits": limits,
    }
    if rooms is not None:
        body["rooms"] = rooms
    return orjson.dumps(body)


def joined(re: str | None, body: Mapping[str, Any]) -> bytes:
    """The answer to ``join``: the room's state, and how far the user has read."""
    return orjson.dumps({"type": "joined", **_re(re), **body})


def caught_up(re: str | None, room: str, seq: int) -> bytes:
    """The replay has ended; what follows is live."""
    return orjson.dumps({"type": "caught_up", **_re(re), "room": room, "seq": seq})


def reset(re: str | None, body: Mapping[str, Any]) -> bytes:
    """Sent instead of ``joined``: the client must discard what it has stored of the room."""
    return orjson.dumps({"type": "reset", **_re(re), **body})


def append_ack(re: str | None, committed: Committed) -> bytes:
    """The acknowledgement of an append, which is on disk."""
    body: dict[str, Any] = {"type": "ack"}
    if re is not None:
        body["re"] = re
    if committed.seq is not None:
        body["seq"] = committed.seq
    body["at"] = iso(committed.at)
    if committed.duplicate:
        body["duplicate"] = True
    return orjson.dumps(body)


def ack(re: str | None, **result: Any) -> bytes:
    """The acknowledgement of any other request."""
    return orjson.dumps({"type": "ack", **_re(re), **result})


def pong(re: str | None) -> bytes:
    """The answer to ``ping``."""
    return orjson.dumps({"type": "pong", **_re(re)})


def signal(kind: str, /, **fields: Any) -> bytes:
    """A signal, which may be lost: ``typing``, ``presence``, ``read``, ``activity``, …"""
    return orjson.dumps({"type": kind, **fields})


def _re(re: str | None) -> dict[str, str]:
    return {} if re is None else {"re": re}
