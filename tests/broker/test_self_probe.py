"""A node that asks for its own messages, and notices when none comes."""

import pytest

from app.broker.self_probe import SelfProbe
from tests.harness.patience import until


async def test_a_node_that_hears_itself_is_not_deaf() -> None:
    sent = 0

    def send(number: int) -> None:
        nonlocal sent
        sent += 1
        probe.heard(number)

    probe = SelfProbe(send, lambda: None, probe_seconds=0.002, deaf_seconds=1.0)
    probe.start()
    probe.start()

    await until(lambda: sent > 10, "ten probes")
    probe.stop()
    assert not probe.is_deaf


async def test_the_lag_is_that_of_the_last_probe_and_of_no_other_message() -> None:
    numbers: list[int] = []
    probe = SelfProbe(numbers.append, lambda: None, probe_seconds=60.0, deaf_seconds=60.0)
    probe.start()
    probe.send()

    probe.heard(None)
    probe.heard(numbers[0])
    assert probe.lag_seconds is None

    probe.heard(numbers[1])
    assert probe.lag_seconds is not None
    assert probe.lag_seconds >= 0
    probe.stop()


async def test_deafness_is_noticed_again_and_again_and_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    found: list[str] = []
    probe = SelfProbe(
        lambda _number: None, lambda: found.append("deaf"), probe_seconds=0.005, deaf_seconds=0.01
    )
    probe.start()

    await until(lambda: len(found) == 3, "the third time")
    assert probe.is_deaf
    probe.heard(None)
    assert (probe.is_deaf, probe.went_deaf) == (False, 1)
    probe.stop()

    said = [record.message for record in caplog.records]
    assert said == ["broker.deaf", "broker.hears_again"]
