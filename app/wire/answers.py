"""What the server says on a socket that is not an event: payloads of text frames."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from app.domain.appends import Committed
from app.domain.clock import iso


def welcome(
    *,
    user: str,
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
    """One listens to a room: where it stands, and what one has read of it."""
    return orjson.dumps({"type": "joined", **_re(re), **body})


def caught_up(re: str | None, room: str, seq: int) -> bytes:
    """The replay is over; what follows is live."""
    return orjson.dumps({"type": "caught_up", **_re(re), "room": room, "seq": seq})


def reset(re: str | None, body: Mapping[str, Any]) -> bytes:
    """Instead of ``joined``: what the client holds of the room is of no use."""
    return orjson.dumps({"type": "reset", **_re(re), **body})


def done(re: str | None, outcome: Committed) -> bytes:
    """The acknowledgement of an append: it is on disk."""
    body: dict[str, Any] = {"type": "ack"}
    if re is not None:
        body["re"] = re
    if outcome.seq is not None:
        body["seq"] = outcome.seq
    body["at"] = iso(outcome.at)
    if outcome.duplicate:
        body["duplicate"] = True
    return orjson.dumps(body)


def ack(re: str | None, **result: Any) -> bytes:
    """The acknowledgement of anything else."""
    return orjson.dumps({"type": "ack", **_re(re), **result})


def pong(re: str | None) -> bytes:
    """The answer to ``ping``."""
    return orjson.dumps({"type": "pong", **_re(re)})


def signal(kind: str, /, **fields: Any) -> bytes:
    """Something that may be lost: ``typing``, ``presence``, ``read``, ``activity``, …"""
    return orjson.dumps({"type": kind, **fields})


def _re(re: str | None) -> dict[str, str]:
    return {} if re is None else {"re": re}
