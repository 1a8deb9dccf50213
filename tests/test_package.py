"""What ``import parley`` and ``parley --help`` load; one name for the package in a process."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import app

ROOT = Path(__file__).parents[1]
# Together they take over a second to import.
HEAVY = {
    "alembic",
    "emoji",
    "fastapi",
    "httpx2",
    "jose",
    "limits",
    "orjson",
    "passlib",
    "pydantic",
    "pydantic_settings",
    "sqlalchemy",
    "starlette",
    "uvicorn",
    "websockets",
}
_LOADED = "import json, sys; print(json.dumps(sorted({m.partition('.')[0] for m in sys.modules})))"


def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``code`` in a process of its own, in the folder of the checkout."""
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def loaded(code: str, *arguments: str) -> set[str]:
    """The top-level modules that are loaded after ``code``."""
    result = run(f"{code}\n{_LOADED}", *arguments)
    assert result.returncode == 0, result.stderr
    return set(json.loads(result.stdout.splitlines()[-1]))


def test_importing_the_package_imports_only_the_standard_library() -> None:
    ours = loaded("import app") - loaded("pass")

    assert "app" in ours
    assert ours - {"app"} <= sys.stdlib_module_names


def loaded_by_command(*arguments: str) -> set[str]:
    code = (
        "import contextlib\n"
        "from app.cli import main\n"
        "with contextlib.suppress(SystemExit):\n"
        "    main()"
    )
    return loaded(code, *arguments)


def test_help_loads_no_heavy_module() -> None:
    assert loaded_by_command("--help") & HEAVY == set()


@pytest.mark.parametrize("arguments", [["serve", "--help"], ["version"]])
def test_a_command_loads_what_it_needs(arguments: list[str]) -> None:
    # Typer converts the arguments of a command with pydantic.
    assert loaded_by_command(*arguments) & HEAVY <= {"pydantic"}


def test_every_export_is_there() -> None:
    assert set(app.__all__) <= set(dir(app))
    for name in app.__all__:
        assert getattr(app, name) is not None


def test_another_name_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match=r"^module 'app' has no attribute 'create'$"):
        app.create  # noqa: B018


def test_a_process_can_not_load_the_package_under_both_names() -> None:
    result = run("import app\nimport parley")

    assert result.stderr.splitlines()[-1] == (
        "ImportError: Parley is already imported as `app`; import all of it under that name, "
        "not as `parley`."
    )


def test_another_package_called_app_is_not_taken_for_parley(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "__init__.py").write_text("NAME = 'of the host'\n")
    code = "import sys; sys.path.insert(0, sys.argv[1]); import app, parley; print(app.NAME)"

    assert run(code, str(tmp_path)).stdout == "of the host\n"


def test_imports_inside_the_package_are_relative() -> None:
    absolute = [
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for file in sorted((ROOT / "app").rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text()))
        if (isinstance(node, ast.ImportFrom) and not node.level and _is_app(node.module))
        or (isinstance(node, ast.Import) and any(_is_app(name.name) for name in node.names))
    ]

    # `app.x` is not there where Parley is installed as `parley`.
    assert absolute == []


def _is_app(module: str | None) -> bool:
    return (module or "").partition(".")[0] == "app"
