"""Names of erased accounts on disk."""

import sqlalchemy as sa

from app.store import erased_names
from app.store.database import Database
from app.store.tables import erased_names as table


async def test_a_name_is_known_and_can_not_be_read(database: Database) -> None:
    await database.write(lambda c: erased_names.add(c, "dora"))

    assert await database.read(lambda c: erased_names.contains(c, "dora"))
    assert not await database.read(lambda c: erased_names.contains(c, "nora"))
    (stored,) = await database.read(lambda c: c.execute(sa.select(table.c.hash)).scalars().all())
    assert len(stored) == 64
    assert "dora" not in stored
