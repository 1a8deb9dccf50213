"""Database URLs as platforms provide them."""

from pathlib import Path

import pytest

from app.config.database_url import DatabaseUrl


@pytest.mark.parametrize(
    "text", ["sqlite://", "sqlite:///:memory:", "sqlite+aiosqlite://", "sqlite+aiosqlite:///"]
)
def test_in_memory(text: str) -> None:
    database = DatabaseUrl.parse(text)

    assert database.in_memory
    assert (database.kind, database.url, database.path) == ("sqlite", "sqlite://", None)


@pytest.mark.parametrize("driver", ["", "+aiosqlite", "+pysqlite"])
def test_a_relative_file_starts_at_the_working_directory(
    driver: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    database = DatabaseUrl.parse(f"sqlite{driver}:///data/parley.db")

    assert database.path == tmp_path / "data/parley.db"
    assert database.url == f"sqlite:///{tmp_path}/data/parley.db"
    assert not database.in_memory


def test_an_absolute_file() -> None:
    assert DatabaseUrl.parse("sqlite:////var/lib/p.db").url == "sqlite:////var/lib/p.db"


@pytest.mark.parametrize("name", ["postgres", "postgresql"])
@pytest.mark.parametrize("driver", ["", "+asyncpg", "+psycopg", "+psycopg2"])
def test_a_driver_in_a_postgresql_url_is_ignored(name: str, driver: str) -> None:
    database = DatabaseUrl.parse(f"{name}{driver}://ana:p%40ss@db.example:6543/chat")

    assert database.kind == "postgresql"
    assert database.url == "postgresql://ana:p%40ss@db.example:6543/chat"
    assert database.shown == "postgresql://db.example:6543/chat"
    assert "p%40ss" not in repr(database)


def test_parameters_of_libpq_are_kept_and_those_of_other_pools_dropped() -> None:
    database = DatabaseUrl.parse(
        "postgres://u@h/d?sslmode=require&options=-c%20work_mem%3D8MB&pgbouncer=true"
    )

    assert database.url == "postgresql://u@h/d?sslmode=require&options=-c%20work_mem%3D8MB"


def test_several_hosts() -> None:
    database = DatabaseUrl.parse("postgresql://u:p@h1:5432,[::1]:5433/d?target_session_attrs=any")

    assert database.url == "postgresql://u:p@h1:5432,[::1]:5433/d?target_session_attrs=any"
    assert database.shown == "postgresql://h1:5432,[::1]:5433/d"


def test_a_database_that_a_parameter_names() -> None:
    assert DatabaseUrl.parse("postgresql://h?dbname=chat").shown == "postgresql://h/chat"


def test_a_socket_directory() -> None:
    database = DatabaseUrl.parse("postgresql:///chat?host=/run/postgresql")

    assert database.url == "postgresql:///chat?host=/run/postgresql"
    assert database.shown == "postgresql:///run/postgresql/chat"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "parley.db",
        "mysql://u:hunter2@h/d",
        "sqlite://data/parley.db",
        "sqlite:///data/",
        "sqlite:///a.db?mode=ro",
        "postgresql://u:hunter2@h",
        "postgresql://u:hunter2@h:port/d",
        "postgresql://u:hunter2%zz@h/d",
        "postgresql://u:hunter2%00@h/d",
        "postgresql://u:hunter2/x@h/d",
    ],
)
def test_an_unusable_url_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as caught:
        DatabaseUrl.parse(text)

    assert "hunter2" not in str(caught.value)
