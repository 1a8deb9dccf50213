"""
The errors that clients can see, as one tree.

``code`` is a promise to clients: never rename one. ``status`` is the HTTP status, ``close``
the WebSocket close code if the error ends a connection. Only :mod:`app.wire.errors` turns an
error into bytes.

    ParleyError
    ├── BadRequest · Invalid · TooLarge
    ├── Unauthorized ── TokenExpired · InvalidGrant
    ├── Forbidden ── Muted · Banned · RegistrationClosed
    ├── NotFound ── RoomNotFound · MessageNotFound · UserNotFound · InviteNotFound
    ├── MethodNotAllowed · UpgradeRequired
    ├── Conflict ── UsernameTaken · RoomExists · IdReused
    ├── Gone
    ├── RateLimited ── SlowMode
    └── Internal · Unavailable
"""

from collections.abc import Sequence
from typing import ClassVar, TypedDict


class FieldError(TypedDict):
    """One invalid field: its location, the kind of error, a sentence. Never the value itself."""

    loc: Sequence[str | int]
    type: str
    msg: str


class ParleyError(Exception):
    """
    Base class of every error that a client can see.

    ``detail`` is a sentence for a person; clients decide by ``code``. ``retry_after`` is in
    seconds; None if a retry makes no sense or its time is unknown.
    """

    code: ClassVar[str]
    status: ClassVar[int]
    close: ClassVar[int | None] = None
    """WebSocket close code; None if the error never ends a connection."""

    title: ClassVar[str]
    default_detail: ClassVar[str] = ""

    def __init__(self, detail: str = "", *, retry_after: float | None = None) -> None:
        self.detail = detail or self.default_detail or f"{self.title}."
        self.retry_after = retry_after
        super().__init__(self.detail)


class BadRequest(ParleyError):
    code, status, close = "bad_request", 400, 4000
    title = "Bad request"


class Invalid(ParleyError):
    """The input is well-formed, but a field is invalid."""

    code, status, close = "invalid", 422, 4000
    title = "Invalid input"

    def __init__(self, detail: str = "", *, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(detail)
        self.errors = list(errors)

    @classmethod
    def field(cls, name: str, msg: str, *, kind: str = "value_error") -> "Invalid":
        """The error of one invalid field."""
        return cls(f"{name}: {msg}", errors=[{"loc": [name], "type": kind, "msg": msg}])


class TooLarge(ParleyError):
    code, status = "too_large", 413
    title = "Too large"


class Unauthorized(ParleyError):
    code, status, close = "unauthorized", 401, 4001
    title = "Not logged in"
    default_detail = "A valid access token is required. Log in again."


class TokenExpired(Unauthorized):
    code, status, close = "token_expired", 401, 4301
    title = "Token expired"
    default_detail = "The access token has expired. Refresh it."


class InvalidGrant(Unauthorized):
    """The error of ``POST /token``: RFC 6749, section 5.2, with Parley's status and code."""

    title = "Log-in failed"
    default_detail = "Unknown username or wrong password."


class Forbidden(ParleyError):
    code, status, close = "forbidden", 403, 4003
    title = "Forbidden"


class Muted(Forbidden):
    code = "muted"
    title = "Muted"


class Banned(Forbidden):
    code = "banned"
    title = "Banned"
    default_detail = "You are banned from this room."


class RegistrationClosed(Forbidden):
    code = "registration_closed"
    title = "Registration is closed"
    default_detail = "Only administrators create accounts on this server."


class NotFound(ParleyError):
    code, status = "not_found", 404
    title = "Not found"


class RoomNotFound(NotFound):
    """Also raised for a private room that the user is not in, to not reveal that it exists."""

    code, close = "room_not_found", 4004
    title = "No such room"
    default_detail = "There is no such room, or you are not in it."


class MessageNotFound(NotFound):
    code = "message_not_found"
    title = "No such message"
    default_detail = "There is no such message in this room."


class UserNotFound(NotFound):
    code = "user_not_found"
    title = "No such user"
    default_detail = "There is no such user."


class InviteNotFound(NotFound):
    code = "invite_not_found"
    title = "No such invite"
    default_detail = "There is no such invite, or it can no longer be used."


class MethodNotAllowed(ParleyError):
    code, status = "method_not_allowed", 405
    title = "Method not allowed"


class UpgradeRequired(ParleyError):
    """A request for a WebSocket came as an ordinary one: a proxy has removed the upgrade."""

    code, status = "upgrade_required", 426
    title = "Upgrade required"
    default_detail = (
        "This address takes WebSockets only. A proxy in front has to pass on the headers Upgrade "
        "and Connection, and speak HTTP/1.1."
    )


class Conflict(ParleyError):
    code, status = "conflict", 409
    title = "Conflict"


class UsernameTaken(Conflict):
    code = "username_taken"
    title = "Username taken"
    default_detail = "This username is taken."


class RoomExists(Conflict):
    code = "room_exists"
    title = "Room exists"
    default_detail = "A room with this name already exists."


class IdReused(Conflict):
    code = "id_reused"
    title = "Id reused"
    default_detail = "This id was used for a different request. Use a random id, such as a UUID."


class Gone(ParleyError):
    code, status = "gone", 410
    title = "Gone"
    default_detail = "These events are no longer kept. Start from the newest messages."


class RateLimited(ParleyError):
    code, status = "rate_limited", 429
    close: ClassVar[int | None] = 4129
    title = "Too many requests"


class SlowMode(RateLimited):
    code = "slow_mode"
    title = "Slow mode"
    close = None


class Internal(ParleyError):
    code, status, close = "internal", 500, 4100
    title = "Internal error"
    default_detail = "The server failed to handle the request. The error has been logged."


class Unavailable(ParleyError):
    """The request was not decided; a retry with the same id is safe."""

    code, status, close = "unavailable", 503, 4103
    title = "Unavailable"
    default_detail = "The server can't do this right now. Retry with the same id."

    def __init__(self, detail: str = "", *, retry_after: float | None = 1.0) -> None:
        super().__init__(detail, retry_after=retry_after)
