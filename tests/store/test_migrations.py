"""The migrations: up and down, all or nothing, on both engines."""

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy.pool import NullPool

from app.store import migrations
from app.store.database import DbConnection
from app.store.postgres import PostgresDatabase
from app.store.sqlite_connection import SqliteConnection
from app.store.tables import metadata
from tests.harness import databases
from tests.harness.databases import postgres_database

REVISIONS = [
    script.revision
    for script in reversed(list(ScriptDirectory.from_config(migrations.config()).walk_revisions()))
]


class MigrationEnv:
    """A database without a schema."""

    def __init__(self, address: str | None, file: Path) -> None:
        self._address = address
        self._file = file

    def run(self, work: Any) -> Any:
        """Run ``work`` in a transaction."""
        if self._address is None:
            engine = sa.create_engine(
                "sqlite://",
                creator=lambda: sqlite3.connect(self._file, isolation_level=None),
                poolclass=NullPool,
            )
            sa.event.listen(engine, "begin", lambda c: c.exec_driver_sql("BEGIN IMMEDIATE"))
            with engine.begin() as connection:
                return work(SqliteConnection(connection))
        return asyncio.run(self._run(self._address, work))

    async def _run(self, address: str, work: Any) -> Any:
        database = PostgresDatabase(address)
        try:
            return await database.write(work)
        finally:
            await database.close()


@pytest.fixture
def env(tmp_path: Path) -> Iterator[MigrationEnv]:
    if not databases.POSTGRES:
        yield MigrationEnv(None, tmp_path / "empty.db")
        return
    with postgres_database(migrated=False) as address:
        yield MigrationEnv(address, tmp_path)


def tables(connection: DbConnection) -> set[str]:
    return set(sa.inspect(connection.sqlalchemy).get_table_names()) - {"alembic_version"}


def check(connection: DbConnection) -> None:
    """Fail if the tables are not those that the code expects: ``alembic check``."""
    command.check(migrations.config(connection))


def test_the_migrations_create_the_tables_that_the_code_expects(env: MigrationEnv) -> None:
    env.run(migrations.upgrade)

    assert env.run(migrations.current) == migrations.latest() == REVISIONS[-1]
    env.run(check)
    assert env.run(tables) >= set(metadata.tables)


def test_a_new_installation_has_a_public_room_and_an_epoch(env: MigrationEnv) -> None:
    env.run(migrations.upgrade)

    def look(connection: DbConnection) -> Any:
        room = connection.execute(sa.text("SELECT name, kind, head, first FROM rooms")).one()
        event = connection.execute(sa.text("SELECT type, by, room_id FROM events")).one()
        epoch = sa.text("SELECT value FROM meta WHERE key = 'epoch'")
        return tuple(room), tuple(event), connection.execute(epoch).scalar_one()

    room, event, epoch = env.run(look)
    assert room == ("general", "public", 1, 1)
    assert event == ("room.created", None, 1)
    assert len(epoch) >= 10


def test_up_and_down_one_by_one_and_up_again(env: MigrationEnv) -> None:
    for revision in REVISIONS:
        env.run(lambda c, to=revision: migrations.upgrade(c, to))
        assert env.run(migrations.current) == revision
    for revision in [*REVISIONS[-2::-1], "base"]:
        env.run(lambda c, to=revision: migrations.downgrade(c, to))

    assert env.run(tables) == set()
    assert env.run(migrations.current) is None
    env.run(migrations.upgrade)
    env.run(check)


def test_messages_survive_each_step(env: MigrationEnv) -> None:
    env.run(lambda c: migrations.upgrade(c, REVISIONS[0]))
    event_id = 1 << 32 | 2

    def send(connection: DbConnection) -> None:
        connection.execute(
            sa.text(
                "INSERT INTO users (id, username, display_name, created_at)"
                " VALUES (1, 'ana', 'Ana', 1)"
            )
        )
        connection.execute(
            sa.text(
                "INSERT INTO events (id, room_id, type, by, at, text)"
                " VALUES (:id, 1, 'message.created', 1, 1, 'hello')"
            ),
            {"id": event_id},
        )
        connection.execute(sa.text("UPDATE rooms SET head = 2 WHERE id = 1"))

    def text(connection: DbConnection) -> str:
        found: str = connection.execute(
            sa.text("SELECT text FROM events WHERE id = :id"), {"id": event_id}
        ).scalar_one()
        return found

    env.run(send)
    for revision in REVISIONS[1:]:
        env.run(lambda c, to=revision: migrations.upgrade(c, to))
        assert env.run(text) == "hello"
    for revision in REVISIONS[-2::-1]:
        env.run(lambda c, to=revision: migrations.downgrade(c, to))
        assert env.run(text) == "hello"


def test_a_migration_that_fails_is_rolled_back(env: MigrationEnv, tmp_path: Path) -> None:
    folder = tmp_path / "migrations"
    (folder / "versions").mkdir(parents=True)
    env_file = Path(migrations.config().get_main_option("script_location") or "") / "env.py"
    (folder / "env.py").write_text(env_file.read_text())
    (folder / "versions" / "0001_half.py").write_text(
        "from alembic import op\n"
        "import sqlalchemy as sa\n"
        "revision = '0001'\n"
        "down_revision = None\n"
        "def upgrade():\n"
        "    op.create_table('half', sa.Column('id', sa.Integer, primary_key=True))\n"
        '    op.execute("INSERT INTO half VALUES (1)")\n'
        "    raise RuntimeError('it failed')\n"
    )

    def upgrade(connection: DbConnection) -> None:
        config = migrations.config(connection)
        config.set_main_option("script_location", str(folder))
        command.upgrade(config, "head")

    with pytest.raises(RuntimeError, match="it failed"):
        env.run(upgrade)

    assert env.run(tables) == set()
    assert env.run(migrations.current) is None
    env.run(migrations.upgrade)


def test_a_revision_of_a_newer_version_is_not_known() -> None:
    assert migrations.is_known(migrations.latest())
    assert not migrations.is_known("9999")


def test_the_newest_revision_is_read_from_the_files_once(monkeypatch: pytest.MonkeyPatch) -> None:
    newest = migrations.latest()
    monkeypatch.setattr(ScriptDirectory, "from_config", lambda config: pytest.fail("Read again."))

    assert migrations.latest() == newest == REVISIONS[-1]
