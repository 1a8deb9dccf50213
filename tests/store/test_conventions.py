"""The convention of app/store: what takes a DbConnection is a part of a transaction."""

import ast
from collections.abc import Iterator
from pathlib import Path

import app.store

STORE = Path(app.store.__file__).parent
EVENT_LOOP = {
    "batch_loader",
    "database",
    "file_lock",
    "file_rewrite",
    "integrity",
    "lease",
    "live_move",
    "loop_calls",
    "move",
    "move_places",
    "move_state",
    "offline",
    "opening",
    "postgres",
    "schema_version",
    "session_threads",
    "sqlite",
    "thread_pool",
    "write_gate",
}
"""The modules that the package's docstring names."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(file: Path) -> Iterator[Function]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, Function):
            yield node


def takes_a_connection(function: Function) -> bool:
    return any(
        argument.annotation is not None and ast.unparse(argument.annotation) == "DbConnection"
        for argument in function.args.args
    )


def test_a_part_of_a_transaction_never_awaits() -> None:
    parts = [f for file in STORE.glob("*.py") for f in functions(file) if takes_a_connection(f)]

    assert len(parts) > 50
    assert [f.name for f in parts if isinstance(f, ast.AsyncFunctionDef)] == []


def test_the_event_loop_is_known_to_the_modules_named_in_the_docstring() -> None:
    asynchronous = {
        file.stem
        for file in STORE.glob("*.py")
        if any(isinstance(function, ast.AsyncFunctionDef) for function in functions(file))
        or "import asyncio" in file.read_text()
    }

    assert asynchronous == EVENT_LOOP
    assert all(f"``{name}``" in (app.store.__doc__ or "") for name in EVENT_LOOP)


def test_only_the_classes_of_the_engines_know_which_engine_it_is() -> None:
    """What differs is an attribute or a method of ``DbConnection``."""
    asking = [
        f"{file.relative_to(STORE.parent)}:{number}"
        for file in STORE.parent.rglob("*.py")
        if "_migrations" not in file.parts
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if "dialect" in line or "isinstance(connection, " in line
    ]

    assert asking == []
