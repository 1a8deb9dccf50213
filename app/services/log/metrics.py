"""The metrics of the log: commits, their size and duration, and what waits for them."""

from ...observability.metrics import Counter, Distribution, Families, Gauge
from .parts import LogParts

COMMITTED_EVENTS = Counter(
    "parley_committed_events_total", "Events that this node has committed to logs of rooms."
)
COMMITS = Counter("parley_commits_total", "Transactions of the log, by result.", ("result",))
COMMIT_SECONDS = Distribution(
    "parley_commit_seconds", "How long a commit took, its turn in the database included."
)
COMMIT_APPENDS = Distribution(
    "parley_commit_appends", "Appends in a commit; 0: only read receipts."
)
QUEUED_APPENDS = Gauge(
    "parley_queued_appends", "Appends that wait for a commit, those of locked rooms included."
)
LOCKED_ROOMS = Gauge(
    "parley_locked_rooms", "Rooms with appends that wait because they are locked elsewhere."
)
FAILURES_IN_A_ROW = Gauge(
    "parley_commit_failures_in_a_row", "Failed commits since the last one that succeeded."
)


def collect(log: LogParts) -> Families:
    """Read the metrics. Called in the event loop."""
    committer = log.committer
    yield COMMITTED_EVENTS.samples(committer.committed_events)
    yield COMMITS.samples(
        {
            ("committed",): committer.commit_seconds.count,
            ("failed",): committer.failed_commits,
        }
    )
    yield COMMIT_SECONDS.samples(committer.commit_seconds)
    yield COMMIT_APPENDS.samples(committer.commit_appends)
    yield QUEUED_APPENDS.samples(committer.queued)
    yield LOCKED_ROOMS.samples(committer.locked_rooms)
    yield FAILURES_IN_A_ROW.samples(committer.failures_in_a_row)
