"""The schema: from nothing to now and back, all or nothing, on both engines."""

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from app.store import migrations
from app.store.tables import metadata
from tests.harness import databases
from tests.harness.databases import postgres_database

REVISIONS = [
    script.revision
    for script in reversed(
        list(ScriptDirectory.from_config(migrations.alembic_config()).walk_revisions())
    )
]


class Empty:
    """A database without a schema."""

    def __init__(self, address: str | None, file: Path) -> None:
        self._address = address
        self._file = file

    def do(self, work: Any) -> Any:
        """Run ``work`` in a transaction."""
        if self._address is None:
            engine = sa.create_engine(
                "sqlite://",
                creator=lambda: sqlite3.connect(self._file, isolation_level=None),
                poolclass=NullPool,
            )
            sa.event.listen(engine, "begin", lambda c: c.exec_driver_sql("BEGIN IMMEDIATE"))
            with engine.begin() as connection:
                return work(connection)
        return asyncio.run(self._do(work))

    async def _do(self, work: Any) -> Any:
        assert self._address is not None
        engine = create_async_engine(self._address, poolclass=NullPool)
        try:
            async with engine.begin() as connection:
                return await connection.run_sync(work)
        finally:
            await engine.dispose()


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Empty]:
    if not databases.POSTGRES:
        yield Empty(None, tmp_path / "empty.db")
        return
    with postgres_database(migrated=False) as address:
        yield Empty(address, tmp_path)


def tables(connection: sa.Connection) -> set[str]:
    return set(sa.inspect(connection).get_table_names()) - {"alembic_version"}


def differences(connection: sa.Connection) -> list[Any]:
    """What a new migration would have to change: ``alembic check``."""
    context = MigrationContext.configure(
        connection,
        opts={
            "compare_type": True,
            # As in migrations/env.py: the search index is made by hand.
            "include_object": lambda _o, name, kind, reflected, _to: (
                not (reflected and kind == "table" and name.startswith("search"))
            ),
        },
    )
    return list(compare_metadata(context, metadata))


def test_the_migrations_make_what_the_code_expects(empty: Empty) -> None:
    empty.do(migrations.upgrade)

    assert empty.do(migrations.current) == migrations.latest() == REVISIONS[-1]
    assert empty.do(differences) == []
    assert empty.do(tables) >= set(metadata.tables)


def test_a_new_installation_has_a_public_room_and_a_history_of_its_own(empty: Empty) -> None:
    empty.do(migrations.upgrade)

    def look(connection: sa.Connection) -> Any:
        room = connection.execute(sa.text("SELECT name, kind, head, first FROM rooms")).one()
        event = connection.execute(sa.text("SELECT type, by, room_id FROM events")).one()
        epoch = sa.text("SELECT value FROM meta WHERE key = 'epoch'")
        return tuple(room), tuple(event), connection.execute(epoch).scalar_one()

    room, event, epoch = empty.do(look)
    assert room == ("general", "public", 1, 1)
    assert event == ("room.created", None, 1)
    assert len(epoch) >= 10


def test_up_and_down_one_by_one_and_up_again(empty: Empty) -> None:
    for revision in REVISIONS:
        empty.do(lambda c, to=revision: migrations.upgrade(c, to))
        assert empty.do(migrations.current) == revision
    for revision in [*REVISIONS[-2::-1], "base"]:
        empty.do(lambda c, to=revision: migrations.downgrade(c, to))

    assert empty.do(tables) == set()
    assert empty.do(migrations.current) is None
    empty.do(migrations.upgrade)
    assert empty.do(differences) == []


def test_what_was_said_survives_each_step(empty: Empty) -> None:
    empty.do(lambda c: migrations.upgrade(c, REVISIONS[0]))
    event_id = 1 << 32 | 2

    def say(connection: sa.Connection) -> None:
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

    def said(connection: sa.Connection) -> str:
        found: str = connection.execute(
            sa.text("SELECT text FROM events WHERE id = :id"), {"id": event_id}
        ).scalar_one()
        return found

    empty.do(say)
    for revision in REVISIONS[1:]:
        empty.do(lambda c, to=revision: migrations.upgrade(c, to))
        assert empty.do(said) == "hello"
    for revision in REVISIONS[-2::-1]:
        empty.do(lambda c, to=revision: migrations.downgrade(c, to))
        assert empty.do(said) == "hello"


def test_a_migration_that_fails_half_way_leaves_nothing(empty: Empty, tmp_path: Path) -> None:
    folder = tmp_path / "migrations"
    (folder / "versions").mkdir(parents=True)
    env = Path(migrations.alembic_config().get_main_option("script_location") or "") / "env.py"
    (folder / "env.py").write_text(env.read_text())
    (folder / "versions" / "0001_half.py").write_text(
        "from alembic import op\n"
        "import sqlalchemy as sa\n"
        "revision = '0001'\n"
        "down_revision = None\n"
        "def upgrade():\n"
        "    op.create_table('half', sa.Column('id', sa.Integer, primary_key=True))\n"
        '    op.execute("INSERT INTO half VALUES (1)")\n'
        "    raise RuntimeError('the power went')\n"
    )

    def upgrade(connection: sa.Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(folder))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

    with pytest.raises(RuntimeError, match="the power went"):
        empty.do(upgrade)

    assert empty.do(tables) == set()
    assert empty.do(migrations.current) is None
    empty.do(migrations.upgrade)


def test_a_revision_of_a_newer_version_is_not_known() -> None:
    assert migrations.is_known(migrations.latest())
    assert not migrations.is_known("9999")
