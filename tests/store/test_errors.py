"""Sentences for the operator: which database, and why it can't be used."""

import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.store.errors import Locked, display_name, reason
from app.store.file_lock import LockHolder


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:////srv/parley.db", "/srv/parley.db"),
        ("sqlite://", "The database in memory"),
        ("postgresql://a:b@db:5433/chat", "postgresql://db:5433/chat"),
        ("postgresql:///chat?host=/run", "postgresql://localhost/chat"),
        ("postgresql://a:b@one:1,two:2/chat", "postgresql://one:1,two:2/chat"),
    ],
)
def test_a_display_name_has_no_password(url: str, expected: str) -> None:
    assert display_name(url) == expected


@pytest.mark.parametrize(
    ("exc", "expected"),
    [
        (OSError(13, "Permission denied"), "Permission denied"),
        (sqlite3.DatabaseError("file is not a database"), "file is not a database"),
        (
            sa.exc.OperationalError("SELECT 1", {}, sqlite3.OperationalError("disk I/O error.")),
            "disk I/O error",
        ),
        (
            sa.exc.DBAPIError("", {}, Exception("too many clients\nHINT: …")),
            "too many clients",
        ),
        (ConnectionResetError(), "ConnectionResetError"),
        (None, "NoneType"),
    ],
)
def test_a_reason_is_the_end_of_a_sentence(exc: Exception | None, expected: str) -> None:
    assert reason(exc) == expected


@pytest.mark.parametrize(
    ("holder", "expected"),
    [
        (LockHolder(None, None), "by another process. "),
        (LockHolder(7, None), "by process 7. "),
        (LockHolder(7, "http://[::1]:8000"), "by process 7, which serves http://[::1]:8000. "),
    ],
)
def test_a_locked_file_names_its_holder(tmp_path: Path, holder: LockHolder, expected: str) -> None:
    assert str(Locked(tmp_path / "x.db", holder)).startswith(
        f"{tmp_path}/x.db is in use {expected}"
    )
