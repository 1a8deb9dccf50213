"""
How Alembic reaches the database.

``parley migrate`` and the server hand over their connection; the ``alembic`` command opens
one from ``DATABASE_URL``. A migration that fails half-way leaves nothing behind, on SQLite
too: SQLAlchemy begins the transaction there, not sqlite3.
"""

import asyncio

from alembic import context
from sqlalchemy import Connection, event, pool
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from app.config.settings import read_settings
from app.store.tables import metadata


def _is_ours(obj: object, name: str | None, kind: str, reflected: bool, _other: object) -> bool:
    # The tables of the search index are made by hand, per engine.
    return not (reflected and kind == "table" and (name or "").startswith("search"))


def _migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        transactional_ddl=True,
        transaction_per_migration=False,
        compare_type=True,
        compare_server_default=False,
        include_object=_is_ours,
    )
    with context.begin_transaction():
        context.run_migrations()


def _engine(url: str) -> AsyncEngine:
    engine = create_async_engine(url, poolclass=pool.NullPool)
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine.sync_engine, "connect")
        def _connect(dbapi_connection: object, _record: object) -> None:
            dbapi_connection.isolation_level = None  # type: ignore[attr-defined]

        @event.listens_for(engine.sync_engine, "begin")
        def _begin(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


async def _online(url: str) -> None:
    engine = _engine(url)
    async with engine.connect() as connection:
        await connection.run_sync(_migrate)
        await connection.commit()
    await engine.dispose()


def _offline(url: str) -> None:
    context.configure(url=url, target_metadata=metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    _migrate(given)
else:
    url = read_settings().database.url.replace("sqlite:", "sqlite+aiosqlite:", 1)
    if context.is_offline_mode():
        _offline(url)
    else:
        asyncio.run(_online(url))
