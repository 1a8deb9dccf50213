"""What is said of log-ins between the parts of a server."""

from typing import NamedTuple

from .ids import SessionId, UserId


class SessionsRevoked(NamedTuple):
    """A log-in of ``user`` has ended; ``session`` None: all that the user had at that moment."""

    user: UserId
    session: SessionId | None
