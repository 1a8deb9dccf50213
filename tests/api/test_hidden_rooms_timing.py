"""
The time of an answer doesn't tell a hidden room from one that doesn't exist.

Welch's t of interleaved probes, as in test vector leakage assessment (ISO/IEC 17825): |t| is below
4.5. There is no network in between, so that microseconds show.
"""

import statistics
import time
from collections.abc import Awaitable, Callable
from math import sqrt

import pytest

from tests.api.authorization_env import NOWHERE, AuthorizationEnv
from tests.harness.server import Server

PROBES = 1_500
MAX_T = 4.5

Probe = Callable[[str, int], Awaitable[object]]


def trimmed(seconds: list[float]) -> list[float]:
    """Without the slowest twentieth: what the machine did meanwhile."""
    return sorted(seconds)[: len(seconds) * 19 // 20]


def welch(one: list[float], other: list[float]) -> float:
    """Welch's t of two samples."""
    spread = statistics.variance(one) / len(one) + statistics.variance(other) / len(other)
    return (statistics.mean(one) - statistics.mean(other)) / sqrt(spread)


async def probes(env: AuthorizationEnv) -> dict[str, Probe]:
    """What a stranger can ask about a room and a message in it."""
    http = (await env.person("otto")).http
    line = await env.server.connects("otto")
    await line.hears("welcome")
    return {
        "send": lambda room, seq: line.ask("send", room=room, text="hello"),
        "react": lambda room, seq: line.ask("react", room=room, ref=seq, emoji="👍", on=True),
        "join": lambda room, seq: line.ask("join", room=room),
        "read": lambda room, seq: line.ask("read", room=room, seq=1),
        "GET": lambda room, seq: http.get(f"/rooms/{room}/messages"),
        "POST": lambda room, seq: http.post(f"/rooms/{room}/messages", json={"text": "hello"}),
        "PUT": lambda room, seq: http.put(f"/rooms/{room}/read", json={"seq": 1}),
    }


@pytest.mark.hard
@pytest.mark.timeout(600)
@pytest.mark.parametrize("what", ["send", "react", "join", "read", "GET", "POST", "PUT"])
async def test_the_time_of_an_answer_tells_nothing(server: Server, what: str) -> None:
    env = await AuthorizationEnv(server).create_users()
    hidden = await env.target("private")
    probe = (await probes(env))[what]
    seconds: dict[str, list[float]] = {hidden.room: [], NOWHERE.room: []}
    for number in range(PROBES + 100):
        # Each goes first half of the time.
        rooms = list(seconds) if number % 2 else list(reversed(seconds))
        for room in rooms:
            began = time.perf_counter()
            await probe(room, hidden.seq)
            took = time.perf_counter() - began
            # The first ones warm up.
            if number >= 100:
                seconds[room].append(took)

    t = welch(*map(trimmed, seconds.values()))

    assert abs(t) < MAX_T, f"{what}: t = {t:.2f}"
