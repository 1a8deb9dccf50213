"""The figures of a table, read from what the generator counted."""

import math
from typing import Any

from bench.generator import Counted
from bench.machine import resident_kib
from bench.scenario import Numbers, Scenario
from bench.servers import Running


def throughput(running: Running, counted: Counted) -> Numbers:
    """Messages that were acknowledged *and* arrived everywhere: the smaller rate of the two."""
    numbers = counted.numbers
    # All rooms of a scenario are of one size.
    members = running.world.rooms[0].members
    rate = min(numbers["acks_per_second"], numbers["deliveries_per_second"] / members)
    return {"messages/s": rate, "deliveries/s": rate * members, **_percentiles(numbers, "ack_ms")}


def to_the_last_member(running: Running, counted: Counted) -> Numbers:
    return _percentiles(counted.numbers, "last_member_ms")


def cut_off(running: Running, counted: Counted) -> Numbers:
    numbers = counted.numbers
    return {
        **to_the_last_member(running, counted),
        "cut off": numbers["stalled_released"],
        "told 4102": numbers["stalled_told_4102"],
        "all cut after": numbers.get("released_after_seconds", math.nan),
    }


def arrival_rate(running: Running, counted: Counted) -> Numbers:
    return {
        "joins/s": counted.numbers["ready_per_second"],
        **_percentiles(counted.numbers, "ready_ms"),
    }


def answer_rate(running: Running, counted: Counted) -> Numbers:
    return {
        "answers/s": counted.numbers["answers_per_second"],
        **_percentiles(counted.numbers, "answer_ms"),
    }


def memory(scenario: Scenario, running: Running) -> tuple[Counted, Numbers]:
    """What the process grows by while everybody is connected, per connection."""
    before = resident_kib(running.pid)
    with scenario.hold(running) as counted:
        grown = resident_kib(running.pid) - before
    return counted[0], {"memory": grown / running.world.users}


def _percentiles(numbers: dict[str, Any], name: str) -> Numbers:
    measured = numbers.get(name) or {"p50": float("nan"), "p99": float("nan")}
    return {"p50": measured["p50"], "p99": measured["p99"]}
