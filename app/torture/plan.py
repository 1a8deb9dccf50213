"""How hard a run is: what the command line sets, and constants."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run does, as given on the command line."""

    seed: int
    """Of the random source. Runs with one seed make the same choices; network timing differs."""

    clients: int = 20
    users: int = 10
    rooms: int = 3
    seconds: float = 60.0
    """How long faults are injected; ``kills`` overrides it."""

    kills: int = 0
    """How many times to kill the server; 0 means until ``seconds`` have passed."""

    kill_every: float = 2.0
    """Longest time between two kills, in seconds; the shortest is a quarter of it."""


# Highest send rate of one client; each has a random pace below it.
SENDS_PER_SECOND = 8.0
# Share of a user's rate limit that its clients use together, so that they hit it only at times.
SHARE_OF_LIMIT = 0.9
# One pause in this many is followed by a burst that exceeds the limits.
BURST_EVERY = 60
BURST_REQUESTS = 12
# Unanswered requests per client.
WINDOW_REQUESTS = 8
# No answer for this long on an open connection is a finding.
ANSWER_SECONDS = 30.0
# Mean time between the start of a connection and its first fault.
MEAN_SECONDS_BETWEEN_FAULTS = 4.0
# Longest time for which a stalled client does not read.
MAX_STALL_SECONDS = 4.0
# Exponential back-off between connection attempts.
BACKOFF_MIN_SECONDS = 0.05
BACKOFF_MAX_SECONDS = 1.0
# A server that is unavailable for this long ends the run.
OUTAGE_SECONDS = 60.0
# Time limit for answering every request and catching up once faults have stopped.
SETTLE_SECONDS = 60.0
# One client in this many uses HTTP instead of a WebSocket.
POLLING_CLIENT_EVERY = 6
# Newest messages that a join without `since` asks for.
NEWEST_MESSAGES = 50
# Page size when reading the log at the end.
LOG_PAGE_EVENTS = 1_000
