"""Migrations carry what they need: no change of the code can change what an old one does."""

import ast
from pathlib import Path

import pytest

MIGRATIONS = Path(__file__).parents[2] / "migrations"
FILES = sorted(MIGRATIONS.rglob("*.py"))
OURS = {"app", "bench", "migrations", "parley", "tests"}


def imported(source: str) -> set[str]:
    """The top-level packages that ``source`` imports; a relative import is ``migrations``."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add("migrations" if node.level else (node.module or "").partition(".")[0])
    return found


@pytest.mark.parametrize("file", FILES, ids=[file.name for file in FILES])
def test_a_migration_imports_none_of_our_code(file: Path) -> None:
    assert imported(file.read_text()) & OURS == set()


def test_every_migration_is_looked_at() -> None:
    assert {"env.py", "0001_first_schema.py"} <= {file.name for file in FILES}
    assert imported("import app.store\nfrom parley import x\nfrom . import y") == {
        "app",
        "parley",
        "migrations",
    }
