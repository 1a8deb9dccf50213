"""Every wait and every buffer of a client, with its unit and its reason."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The bounds of one client. The defaults suit people and bots."""

    open_seconds: float = 10.0
    """How long opening retries a server that doesn't answer; 0: one attempt."""

    request_seconds: float = 300.0
    """How long a request waits for its answer, reconnects included: ten times the longest pause
    between two attempts to connect."""

    handshake_seconds: float = 10.0
    """For connecting, and again for ``welcome``."""

    http_seconds: float = 30.0
    """For an HTTP request: under load, a log-in waits in a queue for seconds."""

    pong_seconds: float = 10.0
    """How long a ping may go unanswered before the connection counts as dead."""

    close_seconds: float = 2.0
    """For each step of closing. After it, the socket is dropped."""

    backoff_min_seconds: float = 0.5
    """The first pause before reconnecting; doubled with each failure."""

    backoff_max_seconds: float = 30.0
    """The longest pause before reconnecting."""

    retry_seconds: float = 1.0
    """Before asking again for what the server could not do, unless it says how long."""

    pending_requests: int = 1_000
    """Requests that wait for an answer. More wait in their callers."""

    unanswered_requests: int = 100
    """Requests on their way at the same time; of those that change a room, one for each room."""

    buffered_events: int = 1_000
    """Events of a room that the application has not taken. More are left on the server."""

    buffered_signals: int = 1_000
    """Signals that the application has not taken. The oldest are dropped."""

    save_seconds: float = 1.0
    """The least time between two saves of a cursor while events keep coming."""


MAX_FRAME_BYTES = 4 * 1024 * 1024
"""Of one frame from the server. The largest, ``welcome`` with 200 rooms, takes about 100 KiB."""

MAX_ANSWER_BYTES = 32 * 1024 * 1024
"""Of one HTTP answer: a page of 1,000 events with 4,000 characters each is less."""
