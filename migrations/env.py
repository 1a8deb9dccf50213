"""
Runs the migrations for Alembic. Imports nothing of Parley.

``parley migrate`` and the server hand over what is needed in ``config.attributes``:
``connection``, an open connection with a transaction, and ``target_metadata``, the tables that
the code expects. The ``alembic`` command hands over nothing: the connection then comes from
``DATABASE_URL``, and the tables from ``target_metadata`` in ``alembic.ini``.

A migration that fails leaves nothing behind, on SQLite too, where DDL is part of the
transaction as long as sqlite3 does not begin and commit by itself.
"""

import asyncio
import os
from pkgutil import resolve_name

import sqlalchemy as sa
from alembic import context
from alembic.util import CommandError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

# Understood by libpq, and refused by asyncpg.
_LIBPQ_ONLY = ("channel_binding", "gssencmode", "target_session_attrs")


def _is_compared(obj: object, name: str | None, kind: str, reflected: bool, _to: object) -> bool:
    """Leave out of autogenerate the tables of the search index: each engine has its own."""
    return not (reflected and kind == "table" and (name or "").startswith("search"))


def _migrate(connection: sa.Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=_target_metadata(),
        render_as_batch=connection.dialect.name == "sqlite",
        transactional_ddl=True,
        transaction_per_migration=False,
        compare_type=True,
        compare_server_default=False,
        include_object=_is_compared,
    )
    with context.begin_transaction():
        context.run_migrations()


def _target_metadata() -> sa.MetaData | None:
    """The tables that ``alembic check`` and ``alembic revision --autogenerate`` compare with."""
    handed_over: sa.MetaData | None = context.config.attributes.get("target_metadata")
    name = context.config.get_main_option("target_metadata")
    if handed_over is not None or name is None:
        return handed_over
    found: sa.MetaData = resolve_name(name)
    return found


def _url() -> sa.URL:
    text = os.environ.get("DATABASE_URL")
    if not text:
        raise CommandError(
            "DATABASE_URL is not set. It names the database to migrate, for example "
            "sqlite:///data/parley.db or postgresql://user:password@host/name."
        )
    url = sa.make_url(text)
    if url.get_backend_name() == "sqlite":
        return url.set(drivername="sqlite")
    query = {name: value for name, value in url.query.items() if name not in _LIBPQ_ONLY}
    if "sslmode" in query:
        query["ssl"] = query.pop("sslmode")
    return url.set(drivername="postgresql+asyncpg", query=query)


def _migrate_sqlite(url: sa.URL) -> None:
    engine = sa.create_engine(url, poolclass=NullPool, connect_args={"isolation_level": None})
    sa.event.listen(engine, "begin", lambda c: c.exec_driver_sql("BEGIN IMMEDIATE"))
    with engine.begin() as connection:
        _migrate(connection)


async def _migrate_postgresql(url: sa.URL) -> None:
    engine = create_async_engine(url, poolclass=NullPool)
    async with engine.begin() as connection:
        await connection.run_sync(_migrate)
    await engine.dispose()


def _run() -> None:
    if context.is_offline_mode():
        raise CommandError("--sql is not supported: the migrations read the database.")
    connection = context.config.attributes.get("connection")
    if connection is not None:
        _migrate(connection)
        return
    url = _url()
    if url.drivername == "sqlite":
        _migrate_sqlite(url)
    else:
        asyncio.run(_migrate_postgresql(url))


_run()
