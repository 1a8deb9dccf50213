"""Lines that a fault repeats: one per kind and minute, with a count."""

import io
import logging
from collections.abc import Callable

import pytest

from app.domain.server_limits import MAX_REPEATED_KINDS
from app.observability.logs import TextFormatter, event
from app.observability.repeats import RepeatFilter, RepeatHandler


class Log:
    """A logger, what it has written, and a clock that is set."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.out = io.StringIO()
        self.logger = logging.Logger("parley.test")
        handler = logging.StreamHandler(self.out)
        handler.setFormatter(TextFormatter())
        self.repeats = RepeatFilter(handler.emit, now=lambda: self.now, later=self._later)
        handler.addFilter(self.repeats)
        self.logger.addHandler(handler)
        self._timers: list[tuple[float, Callable[[], None]]] = []

    def _later(self, seconds: float, call: Callable[[], None]) -> None:
        self._timers.append((self.now + seconds, call))

    def pass_time(self, seconds: float) -> None:
        """Let so much time pass; what is due meanwhile is called at its time."""
        ends = self.now + seconds
        while due := [timer for timer in self._timers if timer[0] <= ends]:
            timer = min(due, key=lambda timer: timer[0])
            self._timers.remove(timer)
            self.now = timer[0]
            timer[1]()
        self.now = ends

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


def test_what_was_left_out_is_written_when_the_fault_has_ended(log: Log) -> None:
    for _ in range(500):
        log.logger.error("database.failed", extra={"error": "disk full"})
    log.pass_time(30)
    for _ in range(2):
        log.logger.warning("indexer.waits_for_database")

    log.pass_time(29)
    assert len(log.lines) == 2
    log.pass_time(1)
    assert log.lines[2:] == ['database.failed error="disk full" repeated=498']
    log.pass_time(30)
    assert log.lines[3:] == ["indexer.waits_for_database"]
    log.pass_time(600)
    assert len(log.lines) == 4


def test_a_fault_that_goes_on_is_one_line_a_minute(log: Log) -> None:
    for _ in range(180):
        log.logger.error("database.failed")
        log.pass_time(1)

    repeated = [line.partition("repeated=")[2] for line in log.lines]
    assert repeated == ["", "58", "59", "59"]


def test_what_was_left_out_is_written_at_the_end(log: Log) -> None:
    for _ in range(3):
        log.logger.error("database.failed")

    log.repeats.finish()
    log.repeats.finish()

    assert log.lines == ["database.failed", "database.failed repeated=1"]


def test_a_closed_handler_has_written_what_was_left_out() -> None:
    out, logger = io.StringIO(), logging.Logger("parley.test")
    handler = RepeatHandler(out)
    logger.addHandler(handler)
    for _ in range(3):
        logger.error("database.failed")

    handler.close()

    assert out.getvalue().splitlines() == ["database.failed"] * 2


def test_no_count_is_lost_when_there_are_too_many_kinds(log: Log) -> None:
    for error in range(MAX_REPEATED_KINDS + 1):
        for _ in range(2):
            event(log.logger, logging.ERROR, "database.failed", error=error)

    assert len(log.lines) == 2 * MAX_REPEATED_KINDS + 1


def test_errors_of_one_kind_are_one_line(log: Log) -> None:
    for port in range(100):
        facts = {"kind": "unreachable", "error": f"connection from port {port} refused"}
        event(log.logger, logging.ERROR, "database.failed", **facts)

    assert log.lines == ['database.failed kind=unreachable error="connection from port 0 refused"']


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
