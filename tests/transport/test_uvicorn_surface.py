"""What of uvicorn is used: what docs/architecture.md lists, and nothing private."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Names under which an object of uvicorn's is known in app/.
OBJECTS = {
    "config": "Config",
    "_config": "Config",
    "_uvicorn": "Server",
    "server_state": "ServerState",
}


def _modules() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted((ROOT / "app").rglob("*.py")):
        tree = ast.parse(path.read_text())
        if any(_imported(node) for node in ast.walk(tree)):
            yield path, tree


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [each.name for each in node.names if each.name.split(".")[0] == "uvicorn"]
    if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "uvicorn":
        return [f"{node.module}.{each.name}" for each in node.names]
    return []


def _used(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        yield from (name for name in _imported(node) if name != "uvicorn")
        if not isinstance(node, ast.Attribute):
            continue
        owner = node.value
        name = owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "")
        if name == "uvicorn":
            yield f"uvicorn.{node.attr}"
        elif name in OBJECTS:
            yield f"{OBJECTS[name]}.{node.attr}"


def _listed() -> set[str]:
    section = (
        (ROOT / "docs" / "architecture.md").read_text().split("## What is used of uvicorn")[1]
    )
    section = section.split("\n## ")[0]
    rows = re.findall(r"^\| (`[^|]+) \|", section, re.M)
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


def test_what_is_used_of_uvicorn_is_listed() -> None:
    used = {name for _, tree in _modules() for name in _used(tree)}

    assert used == _listed()
    assert not [name for name in used if name.split(".")[1].startswith("_")]


def test_only_two_modules_know_uvicorn() -> None:
    assert [str(path.relative_to(ROOT / "app")) for path, _ in _modules()] == [
        "commands/serve.py",
        "transport/server.py",
    ]


def test_nothing_of_uvicorn_is_subclassed() -> None:
    bases = {
        ast.unparse(base)
        for _, tree in _modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for base in node.bases
    }

    assert not [base for base in bases if base.startswith("uvicorn")]
