"""Stores of cursors."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from parley_client import Cursor, CursorStore, FileCursors, MemoryCursors, SqliteCursors
from parley_client.cursors import SavedCursor

Open = Callable[[Path], CursorStore]


@pytest.mark.parametrize(
    "open_store",
    [
        pytest.param(lambda folder: FileCursors(folder / "new" / "cursors.json"), id="file"),
        pytest.param(lambda folder: SqliteCursors(folder / "cursors.db"), id="sqlite"),
    ],
)
def test_what_was_saved_is_there_after_a_restart(open_store: Open, tmp_path: Path) -> None:
    store = open_store(tmp_path)
    assert store.load("a") is None
    store.save("a", Cursor(1, "e1"))
    store.save("b", Cursor(2, "e1"))
    store.save("a", Cursor(3, "e2"))

    again = open_store(tmp_path)
    assert (again.load("a"), again.load("b")) == (Cursor(3, "e2"), Cursor(2, "e1"))
    assert again.load("c") is None


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    file = tmp_path / "cursors.json"
    store = FileCursors(file)
    store.save("a", Cursor(1, "e1"))
    with file.open() as before:
        store.save("a", Cursor(2, "e1"))

        assert before.read() == '{"a": [1, "e1"]}'
    assert [each.name for each in tmp_path.iterdir()] == ["cursors.json"]


def test_a_save_that_fails_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FileCursors(tmp_path / "cursors.json")
    store.save("a", Cursor(1, "e1"))

    def fail(*_: object) -> None:
        raise OSError("The disk is full.")

    with monkeypatch.context() as patched:
        patched.setattr("os.replace", fail)
        with pytest.raises(OSError, match="full"):
            store.save("a", Cursor(2, "e1"))

    assert FileCursors(tmp_path / "cursors.json").load("a") == Cursor(1, "e1")
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("text", ["", "[]", '{"a": 1}', '{"a": ["x", "e"]}', "\x00"])
def test_another_file_is_not_overwritten(text: str, tmp_path: Path) -> None:
    file = tmp_path / "letter.txt"
    file.write_text(text)

    with pytest.raises(ValueError, match=r"letter\.txt is not a file of cursors"):
        FileCursors(file)


def test_a_cursor_is_saved_in_the_transaction_of_the_application(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "bot.db")
    store = SqliteCursors(connection)
    store.save("a", Cursor(1, "e1"))
    connection.commit()
    store.save("a", Cursor(2, "e1"))
    connection.rollback()

    assert store.load("a") == Cursor(1, "e1")
    connection.close()


def test_a_cursor_is_saved_when_it_has_changed_and_not_too_often() -> None:
    saved: list[int] = []

    class Store(MemoryCursors):
        def save(self, key: str, cursor: Cursor) -> None:
            super().save(key, cursor)
            saved.append(cursor.seq)

    cursor = SavedCursor(Store(), "a", every_seconds=60)
    cursor.save(None, at_once=True)
    cursor.save(Cursor(9, ""), at_once=True)
    for seq in (1, 2, 3):
        cursor.save(Cursor(seq, "e1"), at_once=False)
    cursor.save(Cursor(3, "e1"), at_once=True)
    cursor.save(Cursor(3, "e1"), at_once=True)

    assert saved == [1, 3]
