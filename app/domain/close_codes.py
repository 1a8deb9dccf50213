"""
Why the server closes a connection: the WebSocket close codes (RFC 6455, section 7.4.2).

The hundreds tell a client what to do: 40xx stop and ask the user, 41xx reconnect with
back-off, 42xx reconnect at once, 43xx get a new token first. The codes of errors that close a
connection are on the error classes: :mod:`app.domain.errors`.
"""

from typing import NamedTuple


class Close(NamedTuple):
    """A close code and its reason, at most 123 bytes of UTF-8."""

    code: int
    reason: str


BAD_FRAMES = Close(4000, "bad_request: too many bad frames")
UNAUTHORIZED = Close(4001, "unauthorized: log in again")
INTERNAL = Close(4100, "internal: it has been logged")
SLOW_CONSUMER = Close(4102, "slow_consumer: resume with since, nothing is lost")
UNAVAILABLE = Close(4103, "unavailable: overloaded, come back later")
IDLE = Close(4108, "idle: no pong")
TOO_MANY_CONNECTIONS = Close(4109, "too_many_connections of this user")
RATE_LIMITED = Close(4129, "rate_limited: slow down")
DRAINING = Close(4200, "draining: the server restarts, reconnect")
TOKEN_EXPIRED = Close(4301, "token_expired: refresh it, then reconnect")


def lost_room(reason: str) -> Close:
    """On ``/ws/{room}``, the user has lost access to that room and has joined no other."""
    return Close(4003, f"forbidden: {reason}")
