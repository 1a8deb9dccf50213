"""
``python -m bench.scaling``: what a node and a room carry, by a model of measured points.

Prints the tables of docs/scaling.md, and with ``--users`` an estimate for a community. It measures
nothing: the points below are the measurements, each with its source.
"""

import argparse
import math
import random
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import linear_regression, quantiles

from app.domain.limits import MAX_BATCH_APPENDS

# Microseconds of a message by members of its room, in batches of about 70: `room-100` and
# `room-1000` of docs/performance.md (23,997 and 7,435 messages/s), one core, SQLite.
BUSY_ROOM = ((100, 1e6 / 23_997), (1_000, 1e6 / 7_435))
# The same where each message of a batch is of another room, of 5: `rooms-1000` (6,319 messages/s).
QUIET_ROOMS = (5, 1e6 / 6_319)
# What one write to a socket takes of that: `python -m bench.stages`, 323 µs for 100 sockets.
WRITE_US = 3.2
# Milliseconds for which a batch of so many messages locks its rooms' rows on PostgreSQL, on the
# same machine: decision 0015.
ROW_LOCK = ((1, 0.47), (70, 4.0))
# An idle connection: docs/performance.md.
CONNECTION_KIB = 11.6

# A core is planned with this share: above it, waits grow faster than the load.
PLANNED_SHARE = 0.5
SIMULATED_SECONDS = 20.0


def line(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The fixed part and the part per unit of a straight line through points."""
    slope, intercept = linear_regression(*zip(*points, strict=True))
    return intercept, slope


@dataclass(frozen=True)
class NodeCosts:
    """Microseconds of a node's core."""

    busy_message: float
    busy_member: float
    quiet_message: float

    @classmethod
    def fitted(cls) -> "NodeCosts":
        """The costs that give the measured points."""
        members, microseconds = QUIET_ROOMS
        return cls(*line(BUSY_ROOM), quiet_message=microseconds - members * WRITE_US)

    def message(self, members: int, *, busy: bool) -> float:
        """A message to a room with so many members on the node, in a busy or in a quiet room."""
        if busy:
            return self.busy_message + self.busy_member * members
        return self.quiet_message + WRITE_US * members


@dataclass(frozen=True)
class RowLock:
    """How long a batch keeps its room from the other nodes, in seconds."""

    batch: float
    message: float

    @classmethod
    def fitted(cls) -> "RowLock":
        """The times that give the measured points."""
        batch, message = line(ROW_LOCK)
        return cls(batch / 1_000, message / 1_000)

    def seconds(self, messages: int) -> float:
        """A batch of so many messages."""
        return self.batch + self.message * messages

    @property
    def most(self) -> float:
        """Messages per second of one room, in batches as large as they may be."""
        return MAX_BATCH_APPENDS / self.seconds(MAX_BATCH_APPENDS)


@dataclass(frozen=True)
class RoomRun:
    """One room for a while: the delays until the commit, in seconds, and what was left."""

    delays: Sequence[float]
    left: int

    @property
    def p99(self) -> float:
        """In milliseconds."""
        return 1_000 * quantiles(self.delays, n=100)[98] if len(self.delays) > 1 else math.nan


def simulate_room(
    rate: float, nodes: int, lock: RowLock, seconds: float = SIMULATED_SECONDS
) -> RoomRun:
    """
    Let messages arrive at random on the nodes, which commit them under one lock, in turn.

    A node that gets the lock takes what has queued on it, up to a whole batch. The result is the
    same each time.
    """
    rng = random.Random(rate * nodes)
    queues: list[deque[float]] = [deque() for _ in range(nodes)]
    delays: list[float] = []
    arrival = rng.expovariate(rate)
    now, turn = 0.0, 0
    while now < seconds:
        while arrival <= now:
            queues[rng.randrange(nodes)].append(arrival)
            arrival += rng.expovariate(rate)
        waiting = [n for n in range(turn, turn + nodes) if queues[n % nodes]]
        if not waiting:
            now = arrival
            continue
        queue = queues[waiting[0] % nodes]
        batch = [queue.popleft() for _ in range(min(len(queue), MAX_BATCH_APPENDS))]
        now += lock.seconds(len(batch))
        delays += [now - at for at in batch]
        turn = (waiting[0] + 1) % nodes
    return RoomRun(delays, sum(map(len, queues)))


@dataclass(frozen=True)
class Community:
    """Users who are connected, in rooms of a size, and what each of them sends."""

    users: int
    room: int
    per_minute: float

    @property
    def rate(self) -> float:
        """Messages per second."""
        return self.users * self.per_minute / 60

    def lines(self, nodes: int) -> Iterator[str]:
        """What it takes."""
        costs, lock = NodeCosts.fitted(), RowLock.fitted()
        # Members are spread over the nodes: each decides its share, and writes to its own.
        own = costs.quiet_message * self.rate / nodes
        writes = WRITE_US * self.room * self.rate / nodes
        share = (own + writes) / 1e6
        yield f"messages/s: {self.rate:,.0f}, deliveries/s: {self.rate * self.room:,.0f}"
        memory = self.users * CONNECTION_KIB / 1024 / nodes
        yield f"connections: {memory:,.0f} MiB a node"
        yield f"a core of each of {nodes} nodes: {share:.0%} (plan with {PLANNED_SHARE:.0%})"
        of_room = self.rate * self.room / self.users
        yield f"a room: {of_room:,.2f} messages/s, of {lock.most:,.0f} that its lock allows"
        if share > PLANNED_SHARE:
            # Each reads what the others commit, which is not in the model.
            yield f"nodes needed: more than {math.ceil(nodes * share / PLANNED_SHARE) - 1}"


def node_table() -> Iterator[str]:
    """What one core carries, by the size of the rooms."""
    costs = NodeCosts.fitted()
    heads = ("members", "busy room, messages/s", "deliveries/s", "quiet rooms, messages/s")
    yield "| " + " | ".join([*heads, "deliveries/s"]) + " |"
    yield "|---|---|---|---|---|"
    for members in (5, 50, 100, 1_000, 10_000):
        busy, quiet = (1e6 / costs.message(members, busy=each) for each in (True, False))
        cells = (members, busy, busy * members, quiet, quiet * members)
        yield "| " + " | ".join(f"{_rounded(cell):,}" for cell in cells) + " |"


def room_table() -> Iterator[str]:
    """The delay of one room under one lock, by rate and nodes."""
    counts, lock = (1, 2, 4, 8), RowLock.fitted()
    yield (
        "| messages/s to one room | "
        + " | ".join(f"on {n} node{'s' * (n > 1)}" for n in counts)
        + " |"
    )
    yield "|---" * (1 + len(counts)) + "|"
    for rate in (200, 1_000, 2_000, 5_000, 10_000, 15_000, 25_000):
        runs = [simulate_room(rate, nodes, lock) for nodes in counts]
        cells = [
            "grows" if run.left > 2 * MAX_BATCH_APPENDS * nodes else f"{run.p99:.1f} ms"
            for nodes, run in zip(counts, runs, strict=True)
        ]
        yield f"| {rate:,} | " + " | ".join(cells) + " |"


def _rounded(number: float) -> int:
    """Two digits that count."""
    return int(round(number, 1 - math.floor(math.log10(number))))


def main() -> int:
    """Print the tables, or what a community takes."""
    parser = argparse.ArgumentParser(prog="python -m bench.scaling", description=__doc__)
    parser.add_argument("--users", type=int, help="who are connected")
    parser.add_argument("--room", type=int, default=50, help="members of a room")
    parser.add_argument("--per-minute", type=float, default=1, help="messages of each user")
    parser.add_argument("--nodes", type=int, default=1)
    chosen = parser.parse_args()
    if chosen.users is None:
        print("\n".join([*node_table(), "", *room_table()]))
    else:
        community = Community(chosen.users, chosen.room, chosen.per_minute)
        print("\n".join(community.lines(chosen.nodes)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
