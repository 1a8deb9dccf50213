"""The time of a refused log-in doesn't tell a name that has an account from one that has none."""

import time
from pathlib import Path

import pytest
from httpx2 import AsyncClient

from tests.api.test_hidden_rooms_timing import MAX_T, trimmed, welch
from tests.harness.process import Process

PROBES = 1_000
WARM_UP = 20


@pytest.mark.hard
@pytest.mark.sqlite_only
@pytest.mark.timeout(1_200)
async def test_the_time_of_a_refused_login_tells_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # A process of its own, with passwords as costly as in production.
    server = Process(tmp_path, log_level="error")
    await server.start()
    seconds: dict[str, list[float]] = {"alice": [], "nobody": []}
    try:
        await server.person("alice")
        async with AsyncClient(base_url=f"http://{server.address}", timeout=60) as client:
            for number in range(WARM_UP + PROBES):
                # Each goes first half of the time.
                for name in list(seconds) if number % 2 else list(reversed(seconds)):
                    began = time.perf_counter()
                    form = {"username": name, "password": "not this one"}
                    answer = await client.post("/token", data=form)
                    took = time.perf_counter() - began
                    assert answer.status_code == 401, answer.text
                    if number >= WARM_UP:
                        seconds[name].append(took)
    finally:
        await server.stop()

    t = welch(*map(trimmed, seconds.values()))

    with capsys.disabled():
        print(f"\n{PROBES} log-ins of each: t = {t:.2f}")  # noqa: T201
    assert abs(t) < MAX_T, f"t = {t:.2f}"
