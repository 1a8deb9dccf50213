"""
What can go wrong, as exceptions.

    ParleyError
    ├── Unreachable          no usable answer: DNS, refused, timed out, or not from Parley
    ├── NotAcknowledged      a request that was not answered in time; its outcome is unknown
    ├── Closed               the client was closed
    ├── RoomEnded            access to a room has ended
    └── Refused              the server said no; ``code`` is one of docs/errors.md
        └── Unauthorized, Forbidden, NotFound, RateLimited, …

A code that this version doesn't know is a plain :class:`Refused`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar


class ParleyError(Exception):
    """Base of all errors of this package. The message is a sentence for people."""


class Unreachable(ParleyError):
    """
    The server gave no usable answer.

    Raised while a client is opened, and by HTTP requests. Later the client reconnects instead.
    """


class Closed(ParleyError):
    """The client was closed, or not opened."""


class NotAcknowledged(ParleyError):
    """
    A request was not answered in time. It may have been carried out.

    Call again with ``id`` to find out: what was carried out is not done twice.
    """

    def __init__(self, id: str, seconds: float) -> None:
        super().__init__(f"The request was not acknowledged within {seconds:g} s.")
        self.id = id


class RoomEnded(ParleyError):
    """Access to a room has ended: ``reason`` is left, removed, banned or archived."""

    def __init__(self, room: str, reason: str) -> None:
        super().__init__(f"Access to {room} has ended: {reason}.")
        self.room = room
        self.reason = reason


class Refused(ParleyError):
    """The server answered with an error."""

    codes: ClassVar[tuple[str, ...]] = ()
    """The codes that are raised as this class."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        retry_after: float | None = None,
        errors: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        super().__init__(detail)
        self.code = code
        """Stable; see docs/errors.md."""
        self.detail = detail
        """For people."""
        self.retry_after = retry_after
        """Seconds, if the same request can succeed later."""
        self.errors = errors
        """Which fields are invalid: ``loc``, ``type`` and ``msg`` of each."""


class BadRequest(Refused):
    """The server could not make sense of the request."""

    codes = ("bad_request", "invalid", "too_large", "method_not_allowed", "upgrade_required")


class Unauthorized(Refused):
    """Wrong password, or a session that has ended. Log in again."""

    codes = ("unauthorized", "token_expired")


class Forbidden(Refused):
    """Not allowed."""

    codes: ClassVar[tuple[str, ...]] = ("forbidden", "registration_closed")


class Muted(Forbidden):
    """The user may only read in this room."""

    codes = ("muted",)


class Banned(Forbidden):
    """The user is banned from this room."""

    codes = ("banned",)


class NotFound(Refused):
    """No such room, message, user or invite, or not for this user."""

    codes = (
        "not_found",
        "room_not_found",
        "message_not_found",
        "user_not_found",
        "invite_not_found",
    )


class Conflict(Refused):
    """The request contradicts the present state."""

    codes: ClassVar[tuple[str, ...]] = ("conflict", "username_taken", "room_exists", "gone")


class IdReused(Conflict):
    """The ``id`` belongs to a different request."""

    codes = ("id_reused",)


class TooManyConnections(Refused):
    """The user has too many connections open."""

    codes = ("too_many_connections",)


class RateLimited(Refused):
    """Too fast. A client waits and retries; raised if that would take longer than allowed."""

    codes = ("rate_limited", "slow_mode")


class ServerError(Refused):
    """The server failed or is overloaded. A client retries; raised if that takes too long."""

    codes = ("internal", "unavailable")


def _subclasses(of: type[Refused]) -> list[type[Refused]]:
    return [found for sub in of.__subclasses__() for found in (sub, *_subclasses(sub))]


_BY_CODE = {code: error for error in _subclasses(Refused) for code in error.codes}

RETRIED = frozenset({*RateLimited.codes, *ServerError.codes})
"""Codes after which the same request can succeed (docs/clients.md)."""


def refused(body: Mapping[str, Any]) -> Refused:
    """The exception for an ``error`` frame or a problem response. Never raises."""
    code = str(body.get("code", "unknown"))
    detail = body.get("detail")
    after = body.get("retry_after")
    errors = body.get("errors")
    return _BY_CODE.get(code, Refused)(
        code,
        detail if isinstance(detail, str) else f"The server answered with {code}.",
        retry_after=float(after) if isinstance(after, int | float) else None,
        errors=errors if isinstance(errors, list) else (),
    )
