"""Two checkouts are compared by the ratios of neighbouring windows."""

from bench.compare import Window, report
from bench.scenarios import SCENARIOS

(ROOM,) = (scenario for scenario in SCENARIOS if scenario.name == "room-100")


def windows(*rates: float, cpu: float = 0.5) -> list[Window]:
    return [{"messages/s": rate, "cpu": cpu} for rate in rates]


def test_a_slow_minute_of_the_machine_changes_no_ratio() -> None:
    old = windows(20_000, 5_000, 20_000)

    new = windows(10_000, 2_500, 10_000)

    assert "rate × 0.500 (0.500 to 0.500)" in report(ROOM, list(zip(old, new, strict=True)))


def test_processor_time_is_that_of_a_message() -> None:
    old = windows(10_000, 10_000, cpu=0.4)

    new = windows(20_000, 20_000, cpu=0.4)

    line = report(ROOM, list(zip(old, new, strict=True)))
    assert "processor time each × 0.500 (0.500 to 0.500)" in line


def test_the_interval_says_how_sure_the_median_is() -> None:
    old = windows(*[100] * 20)

    new = windows(*[80, 120] * 10)

    line = report(ROOM, list(zip(old, new, strict=True)))
    assert "rate × 1.000 (0.800 to 1.200)" in line
