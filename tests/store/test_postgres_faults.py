"""What goes wrong with PostgreSQL, in a word. No server is needed."""

import psycopg
import pytest

from app.store.database import OutcomeUnknown
from app.store.postgres_faults import is_row_refused, kind_of, log_failure
from app.store.postgres_settings import UnsuitableServer


@pytest.mark.parametrize(
    ("exc", "kind"),
    [
        (psycopg.errors.TooManyConnections(), "too many connections"),
        (psycopg.errors.LockNotAvailable(), "locked"),
        (psycopg.errors.QueryCanceled(), "too slow"),
        (psycopg.errors.IdleInTransactionSessionTimeout(), "frozen"),
        (psycopg.errors.AdminShutdown(), "stopping or starting"),
        (psycopg.errors.ReadOnlySqlTransaction(), "read-only"),
        (psycopg.errors.UndefinedTable(), "schema"),
        (psycopg.errors.DataCorrupted(), "failed"),
        (psycopg.OperationalError("Connection refused"), "unreachable"),
        (psycopg.OperationalError("FATAL:  password authentication failed"), "log-in refused"),
        (psycopg.OperationalError('FATAL:  database "x" does not exist'), "no such database"),
        (psycopg.OperationalError("FATAL:  sorry, too many clients"), "too many connections"),
        (
            psycopg.OperationalError('FATAL:  too many connections for role "ana"'),
            "too many connections",
        ),
        (psycopg.OperationalError("FATAL:  no more of that"), "refused"),
        (UnsuitableServer("it is a replica"), "unsuitable"),
        (OutcomeUnknown(""), "lost at COMMIT"),
        (TimeoutError(), "too slow"),
    ],
    ids=str,
)
def test_a_failure_has_a_kind(exc: Exception, kind: str) -> None:
    assert kind_of(exc) == kind


def test_a_failure_is_logged_with_its_kind(caplog: pytest.LogCaptureFixture) -> None:
    log_failure(psycopg.OperationalError("Connection refused"))

    (record,) = caplog.records
    assert record.getMessage() == "database.failed"
    assert (record.kind, record.error) == ("unreachable", "Connection refused")


@pytest.mark.parametrize(
    ("exc", "refused"),
    [
        (psycopg.errors.UniqueViolation(), True),
        (psycopg.errors.CharacterNotInRepertoire(), True),
        (psycopg.DataError("NUL"), True),
        (psycopg.errors.LockNotAvailable(), False),
        (psycopg.OperationalError("Connection refused"), False),
    ],
    ids=str,
)
def test_a_refused_row_is_told_from_an_outage(exc: Exception, refused: bool) -> None:
    assert is_row_refused(exc) is refused
