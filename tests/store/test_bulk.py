"""A set of keys as one parameter, on both engines."""

import re

import pytest
import sqlalchemy as sa

from app.store.bulk import BulkInsert, BulkStatement
from app.store.database import Database
from app.store.tables import meta
from tests.store.statements import recorded

PAIRS = BulkStatement("SELECT k.n, k.text FROM {keys} ORDER BY k.n", n="bigint", text="text")
FILTERED = BulkStatement("SELECT k.n FROM {keys} WHERE k.n > :least ORDER BY k.n", n="bigint")


@pytest.mark.parametrize(
    "keys",
    [
        pytest.param([], id="none"),
        pytest.param([(1, "a")], id="one"),
        pytest.param([(n, str(n)) for n in range(2_000)], id="thousands"),
        pytest.param([(-(2**53), "")], id="a small number and an empty text"),
        pytest.param([(2**53 - 1, "'\"\\[]{},\n👍\u2028")], id="anything in a text"),
        pytest.param([(1, None)], id="null"),
        pytest.param([(1, "a"), (1, "a")], id="twice the same"),
    ],
)
async def test_keys_arrive_as_they_are(
    database: Database, keys: list[tuple[int, str | None]]
) -> None:
    rows = await database.read(lambda c: PAIRS.rows(c, keys))

    assert [tuple(row) for row in rows] == keys


async def test_other_parameters_go_beside_them(database: Database) -> None:
    rows = await database.read(lambda c: FILTERED.rows(c, [(1,), (2,), (3,)], least=1))

    assert [n for (n,) in rows] == [2, 3]


@pytest.mark.sqlite_only
async def test_the_text_does_not_depend_on_the_number_of_keys(
    database: Database,
) -> None:
    def work(connection: sa.Connection) -> list[str]:
        with recorded(connection) as statements:
            for count in (0, 1, 10, 1_000):
                FILTERED.rows(connection, [(n,) for n in range(count)], least=0)
        return statements

    statements = await database.read(work)

    assert len(statements) == 4
    assert len({re.sub(r"'\[\[?[\d\],\[]*\]'", ":keys", sql) for sql in statements}) == 1


async def test_rows_are_inserted_as_they_are(database: Database) -> None:
    insert = BulkInsert(meta, "key", "value")

    def work(connection: sa.Connection) -> list[tuple[str, str]]:
        insert(connection, [])
        insert(connection, [("note 1", "a'b"), ("note 2", "👍")])
        insert(connection, [("note 3", "")])
        found = sa.select(meta).where(meta.c.key.like("note%")).order_by(meta.c.key)
        return [tuple(row) for row in connection.execute(found)]

    assert await database.write(work) == [("note 1", "a'b"), ("note 2", "👍"), ("note 3", "")]
