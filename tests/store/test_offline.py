"""Reading a database beside the server that uses it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.config.database_url import DatabaseUrl
from app.store import epoch
from app.store.database import Database, DbConnection
from app.store.errors import StoreError
from app.store.offline import read_offline
from app.store.opening import open_database

pytestmark = pytest.mark.sqlite_only


@pytest.fixture
def where(tmp_path: Path) -> DatabaseUrl:
    return DatabaseUrl.file(tmp_path / "parley.db")


@pytest.fixture
async def database(where: DatabaseUrl) -> AsyncIterator[Database]:
    async with open_database(where.kind, where.url, where.path, migrate=True) as opened:
        yield opened


async def test_it_reads_what_the_server_has_committed(
    database: Database, where: DatabaseUrl
) -> None:
    renewed = await database.write(epoch.renew)

    assert await read_offline(where.url, where.path, epoch.read) == renewed


async def test_it_can_not_write(database: Database, where: DatabaseUrl) -> None:
    def delete(connection: DbConnection) -> None:
        connection.execute(sa.text("DELETE FROM events"))

    with pytest.raises(StoreError, match="readonly"):
        await read_offline(where.url, where.path, delete)


async def test_a_missing_or_an_empty_file_is_an_error(where: DatabaseUrl) -> None:
    assert where.path is not None
    with pytest.raises(StoreError, match="There is no database at"):
        await read_offline(where.url, where.path, epoch.read)

    where.path.touch()
    with pytest.raises(StoreError, match="is empty, and this Parley needs schema"):
        await read_offline(where.url, where.path, epoch.read)
