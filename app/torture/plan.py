"""How hard a run is: what the command line chooses, and what it doesn't."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run does."""

    seed: int
    """Of the rng. Two runs with one seed try the same things; the network makes them differ."""

    clients: int = 20
    users: int = 10
    rooms: int = 3
    seconds: float = 60.0
    """How long the clients are disturbed; with ``kills``, those decide."""

    kills: int = 0
    """How often the server is killed."""

    kill_every: float = 2.0
    """Seconds that a server lives at most before the next kill; at least a quarter of them."""


# Messages that one client sends in a second, at most: each has a pace of its own below it.
SENDS_PER_SECOND = 8.0
# Of what a user's clients may send together, so that a limit is met now and then, not always.
SHARE_OF_LIMIT = 0.9
# One pause in so many is a burst instead, which runs into the limits.
BURST_EVERY = 60
BURST_REQUESTS = 12
# Requests of one client that wait for their answers.
WINDOW_REQUESTS = 8
# Longer without an answer on a connection that lives is a finding.
ANSWER_SECONDS = 30.0
# A connection lives this long on average until something happens to it.
MEAN_SECONDS_BETWEEN_FAULTS = 4.0
# What a client that stops reading lets pass.
MAX_STALL_SECONDS = 4.0
# Back-off between attempts to connect: from, and at most.
BACKOFF_MIN_SECONDS = 0.05
BACKOFF_MAX_SECONDS = 1.0
# A server that doesn't answer for this long won't.
OUTAGE_SECONDS = 60.0
# Until every request is answered and everybody has caught up, once nobody disturbs any more.
SETTLE_SECONDS = 60.0
# One client in so many reads over HTTP instead of a socket.
POLLING_CLIENT_EVERY = 6
# Newest messages that a join without `since` asks for.
NEWEST_MESSAGES = 50
# Events that one request for the log asks for.
LOG_PAGE_EVENTS = 1_000
