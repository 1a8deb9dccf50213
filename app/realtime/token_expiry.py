"""
The end of a connection's access token: announced with ``auth_expiring``, then enforced.

A socket is told a minute ahead, or half a token's life where that is shorter, and a fresh token
(the ``auth`` request) postpones the end. It is told once per token: a client that answers each
announcement with ``auth`` gets the next with the next token. Other open requests can't show a
fresh token, and so are only closed.
"""

from collections.abc import Callable

from ..domain.close_codes import TOKEN_EXPIRED
from ..domain.ids import Millis
from ..transport.shared_timer import Deadline, SharedTimer
from ..wire import answers
from .connection import Connection


class TokenExpiry:
    """
    The timer of one connection. Used in the event loop; never awaits.

    Args:
        now: The clock that tokens are issued by.
        timer: What calls at the end; shared by all connections.
        announce_seconds: How long before the end ``auth_expiring`` is sent; 0 to send none.

    """

    __slots__ = (
        "_announce_seconds",
        "_announced",
        "_connection",
        "_deadline",
        "_expires_at",
        "_now",
        "_timer",
        "_token_expires_at",
    )

    def __init__(
        self,
        connection: Connection,
        now: Callable[[], Millis],
        timer: SharedTimer,
        *,
        announce_seconds: float,
    ) -> None:
        self._connection = connection
        self._now = now
        self._announce_seconds = announce_seconds
        self._announced = False
        self._token_expires_at: Millis | None = None
        self._timer = timer
        # In seconds of the loop's clock.
        self._expires_at = 0.0
        self._deadline: Deadline | None = None

    def start(self, expires_at: Millis) -> None:
        """Close the connection at ``expires_at``. Call again when a fresh token comes."""
        if expires_at == self._token_expires_at:
            # The same token again, which has been announced or will be.
            return
        self._token_expires_at = expires_at
        self._expires_at = self._timer.time() + (expires_at - self._now()) / 1000
        self._announced = not self._announce_seconds
        self._set_timer()

    def stop(self) -> None:
        """Cancel the timer. Idempotent."""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _set_timer(self) -> None:
        self.stop()
        when = self._expires_at - (0 if self._announced else self._announce_seconds)
        self._deadline = self._timer.call_at(when, self._on_timer)

    def _on_timer(self) -> None:
        left = self._expires_at - self._timer.time()
        if left <= 0:
            self._connection.close(TOKEN_EXPIRED)
            return
        if not self._announced and left <= self._announce_seconds:
            self._announced = True
            payload = answers.signal("auth_expiring", expires_in=max(0, round(left)))
            self._connection.outbox.send(payload)
        # A timer may fire a little early: loop.call_at() rounds to the clock's resolution.
        self._set_timer()
