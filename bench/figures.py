"""The figures of a scenario's table, computed from the generator's counts."""

import math
from typing import Any

from bench.generator import LoadResult
from bench.machine import resident_kib
from bench.scenario import Numbers, Scenario
from bench.servers import RunningServer


def throughput(running: RunningServer, counted: LoadResult) -> Numbers:
    """Messages acknowledged *and* delivered to every member: the smaller rate of the two."""
    numbers = counted.numbers
    # All rooms of a scenario have the same size.
    members = running.dataset.rooms[0].members
    rate = min(numbers["acks_per_second"], numbers["deliveries_per_second"] / members)
    return {"messages/s": rate, "deliveries/s": rate * members, **_percentiles(numbers, "ack_ms")}


def latency_to_last_member(running: RunningServer, counted: LoadResult) -> Numbers:
    return _percentiles(counted.numbers, "last_member_ms")


def slow_reader_figures(running: RunningServer, counted: LoadResult) -> Numbers:
    numbers = counted.numbers
    return {
        **latency_to_last_member(running, counted),
        "cut off": numbers["stalled_released"],
        "told 4102": numbers["stalled_told_4102"],
        "all cut after": numbers.get("released_after_seconds", math.nan),
    }


def arrival_rate(running: RunningServer, counted: LoadResult) -> Numbers:
    return {
        "joins/s": counted.numbers["ready_per_second"],
        **_percentiles(counted.numbers, "ready_ms"),
    }


def answer_rate(running: RunningServer, counted: LoadResult) -> Numbers:
    return {
        "answers/s": counted.numbers["answers_per_second"],
        **_percentiles(counted.numbers, "answer_ms"),
    }


def memory(scenario: Scenario, running: RunningServer) -> tuple[LoadResult, Numbers]:
    """Growth of the server's memory per connection, with all users connected."""
    before = resident_kib(running.pid)
    with scenario.hold(running) as counted:
        grown = resident_kib(running.pid) - before
    return counted[0], {"memory": grown / running.dataset.users}


def _percentiles(numbers: dict[str, Any], name: str) -> Numbers:
    measured = numbers.get(name) or {"p50": float("nan"), "p99": float("nan")}
    return {"p50": measured["p50"], "p99": measured["p99"]}
