"""
Runs the migrations for Alembic. Imports nothing of Parley.

``parley migrate`` and the server hand over what is needed in ``config.attributes``:
``connection``, an open connection with a transaction, and ``target_metadata``, the tables that
the code expects. The ``alembic`` command hands over nothing: the connection then comes from
``DATABASE_URL``, and the tables from ``target_metadata`` in ``alembic.ini``.

A migration that fails leaves nothing behind, on SQLite too, where DDL is part of the
transaction as long as sqlite3 does not begin and commit by itself.
"""

import os
from pkgutil import resolve_name

import sqlalchemy as sa
from alembic import context
from alembic.util import CommandError
from sqlalchemy.pool import NullPool


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


def _url() -> str:
    url = os.environ.get("DATABASE_URL")
    if not url:
        raise CommandError(
            "DATABASE_URL is not set. It names the database to migrate, for example "
            "sqlite:///data/parley.db or postgresql://user:password@host/name."
        )
    return url


def _migrate_sqlite(url: str) -> None:
    engine = sa.create_engine(
        sa.make_url(url).set(drivername="sqlite"),
        poolclass=NullPool,
        connect_args={"isolation_level": None},
    )
    sa.event.listen(engine, "begin", lambda c: c.exec_driver_sql("BEGIN IMMEDIATE"))
    with engine.begin() as connection:
        _migrate(connection)


def _migrate_postgresql(url: str) -> None:
    # Installed only with the extra "postgres".
    import psycopg

    # libpq reads the URL itself, and knows no drivers in it.
    libpq = "postgresql://" + url.partition("://")[2]
    engine = sa.create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(libpq), poolclass=NullPool
    )
    with engine.begin() as connection:
        _migrate(connection)


def _run() -> None:
    if context.is_offline_mode():
        raise CommandError("--sql is not supported: the migrations read the database.")
    connection = context.config.attributes.get("connection")
    if connection is not None:
        _migrate(connection)
        return
    url = _url()
    if url.startswith("sqlite"):
        _migrate_sqlite(url)
    else:
        _migrate_postgresql(url)


_run()
