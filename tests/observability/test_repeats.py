"""Lines that a fault repeats: one per kind and minute, with a count."""

import io
import logging

import pytest

from app.observability.logs import TextFormatter, event
from app.observability.repeats import RepeatFilter


class Log:
    """A logger, what it has written, and a clock that is set."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.out = io.StringIO()
        self.logger = logging.Logger("parley.test")
        handler = logging.StreamHandler(self.out)
        handler.setFormatter(TextFormatter())
        handler.addFilter(RepeatFilter(lambda: self.now))
        self.logger.addHandler(handler)

    @property
    def lines(self) -> list[str]:
        """Without time, level and logger."""
        return [line.split("parley.test ")[1] for line in self.out.getvalue().splitlines()]


@pytest.fixture
def log() -> Log:
    return Log()


def test_a_fault_is_one_line_a_minute_with_a_count(log: Log) -> None:
    for _ in range(500):
        log.logger.error("database.failed", extra={"error": "disk full"})
        log.logger.warning("indexer.waits_for_database")
    log.now += 59
    log.logger.error("database.failed", extra={"error": "disk full"})
    log.now += 1
    log.logger.error("database.failed", extra={"error": "disk full"})
    log.now += 60
    log.logger.error("database.failed", extra={"error": "disk full"})

    assert log.lines == [
        'database.failed error="disk full"',
        "indexer.waits_for_database",
        'database.failed error="disk full" repeated=500',
        'database.failed error="disk full"',
    ]


def test_another_error_is_another_kind(log: Log) -> None:
    for error in ("disk full", "locked", "disk full"):
        event(log.logger, logging.ERROR, "database.failed", error=error)

    assert log.lines == ['database.failed error="disk full"', "database.failed error=locked"]


def test_the_same_traceback_is_written_once(log: Log) -> None:
    for divisor in (0, 0, None):
        try:
            1 / divisor  # type: ignore[operator]
        except Exception:
            log.logger.exception("request.failed")

    assert log.out.getvalue().count("request.failed") == 2
    assert log.out.getvalue().count("ZeroDivisionError") == 1


@pytest.mark.parametrize(
    ("level", "name"),
    [
        pytest.param(logging.WARNING, "login.failed", id="security"),
        pytest.param(logging.INFO, "retention.failed", id="not-a-fault"),
        pytest.param(logging.WARNING, "server.plain", id="another-event"),
    ],
)
def test_other_lines_are_all_written(log: Log, level: int, name: str) -> None:
    for _ in range(3):
        event(log.logger, level, name)

    assert log.lines == [name] * 3
