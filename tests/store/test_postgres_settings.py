"""What a server of PostgreSQL says of itself, and which are refused. No server is needed."""

from types import SimpleNamespace
from typing import Any

import pytest

from app.store.postgres_settings import UnsuitableServer, read_back, set_config

# As postgres_settings asks: pid, version, encoding, synchronous_commit, fsync, full_page_writes,
# whether it is a replica, default_transaction_read_only.
GOOD = (7, 150_000, "UTF8", "on", "on", "on", False, "off")


def server(*said: Any, pid: int = 7) -> Any:
    """A connection of psycopg's that answers with ``said``."""
    cursor = SimpleNamespace(fetchone=lambda: said)
    return SimpleNamespace(execute=lambda _: cursor, pgconn=SimpleNamespace(backend_pid=pid))


def but(index: int, value: Any) -> tuple[Any, ...]:
    return (*GOOD[:index], value, *GOOD[index + 1 :])


def test_a_server_that_is_as_it_should_be_is_taken() -> None:
    assert read_back(server(*GOOD), writes=True).is_pooled is False


def test_a_pooler_is_known_by_the_number_of_the_process() -> None:
    assert read_back(server(*GOOD, pid=8), writes=True).is_pooled is True


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (but(1, 110_022), "PostgreSQL 12 or newer, and this is 11"),
        (but(2, "LATIN1"), "its encoding is LATIN1"),
        (but(3, "off"), "synchronous_commit is off"),
        (but(4, "off"), "fsync is off"),
        (but(5, "off"), "full_page_writes is off"),
        (but(6, True), "it is a replica"),
        (but(7, "on"), "default_transaction_read_only is on"),
    ],
)
def test_a_server_that_would_break_a_promise_is_refused(said: Any, sentence: str) -> None:
    with pytest.raises(UnsuitableServer, match=sentence):
        read_back(server(*said), writes=True)


def test_commits_need_not_be_safe_where_nothing_is_written() -> None:
    assert read_back(server(*but(6, True)), writes=False)


def test_settings_are_of_a_session_or_of_a_transaction() -> None:
    settings = {"lock_timeout": "5s"}

    assert set_config(settings, for_transaction=True) == (
        "SELECT set_config('lock_timeout', '5s', true)"
    )
    assert set_config(settings, for_transaction=False).endswith(", false)")
