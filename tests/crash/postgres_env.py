"""Parley on a PostgreSQL server of the test's own."""

from pathlib import Path

from app.store import migrations
from app.store.postgres import PostgresDatabase
from tests.harness.postgres_server import PostgresServer
from tests.harness.process import Process

DATABASE = "parley"


class ParleyOn(Process):
    """
    `parley serve` on a new database named ``parley``.

    Args:
        url: Where the database is reached; by default at the server's own address.

    """

    def __init__(
        self, postgres: PostgresServer, folder: Path, *, url: str | None = None, **chosen: object
    ) -> None:
        self._postgres = postgres
        super().__init__(folder, database_url=url or postgres.url(DATABASE), **chosen)

    async def install(self) -> None:
        """Make its database a new installation."""
        self._postgres.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        self._postgres.execute(f"CREATE DATABASE {DATABASE}")
        database = PostgresDatabase(self._postgres.url(DATABASE), limited=False)
        await database.write(migrations.upgrade)
        await database.close()
