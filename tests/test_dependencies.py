"""What is imported is declared, and what is declared is used."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
OURS = {"app", "bench", "tests"}
# Used without an import of ours.
USED_OTHERWISE = {
    "argon2-cffi",  # by passlib
    "fastapi-offline",  # files that /docs serves
    "python-multipart",  # by FastAPI
    "zxcvbn",  # a file in it is run
}


def project() -> dict[str, Any]:
    parsed: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return parsed


def declared(requirements: list[str]) -> set[str]:
    names = (re.split(r"[\[<>=!~; ]", requirement, maxsplit=1)[0] for requirement in requirements)
    return {name.lower() for name in names}


def imported(*folders: str) -> set[str]:
    """The distributions that the files in these folders import from."""
    modules = set()
    for file in (file for folder in folders for file in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                modules |= {name.name.partition(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                modules.add(node.module.partition(".")[0])
    distributions = packages_distributions()
    return {
        distributions[module][0].lower().replace("_", "-")
        for module in modules - sys.stdlib_module_names - OURS
        if module in distributions
    }


def test_an_installation_brings_what_it_imports_and_nothing_else() -> None:
    extras = project()["optional-dependencies"]
    optional = set().union(*(declared(extras[name]) for name in ("postgres", "redis", "otel")))
    needed = imported("app", "migrations") - optional

    assert declared(project()["dependencies"]) == needed | USED_OTHERWISE


@pytest.mark.slow
def test_without_the_extras_everything_else_can_be_imported() -> None:
    """An installation for SQLite has no psycopg, no redis-py and no SDK of OpenTelemetry."""
    script = (
        "import sys; sys.modules['psycopg'] = sys.modules['redis'] = None;"
        "sys.modules['opentelemetry.sdk'] = sys.modules['opentelemetry.exporter'] = None;"
        "import app.main, app.cli, app.store.opening;"
        "app.main.create_app(app.main.Settings(database_url='sqlite://'))"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT)


def test_what_tests_and_benchmarks_import_is_declared() -> None:
    extras = project()["optional-dependencies"]
    everything = project()["dependencies"] + [name for extra in extras.values() for name in extra]

    assert imported("bench", "tests") <= declared(everything)
