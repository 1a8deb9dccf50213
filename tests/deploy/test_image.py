"""The image of the Dockerfile: what it installs, and as whom it runs."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
RUNTIME, DEVELOPMENT, BUILD = (
    ROOT / name
    for name in ("requirements-runtime.lock", "requirements.lock", "requirements-build.lock")
)
OWN_NAME = "parley-chat"


def _pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def _name(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found
    return re.sub(r"[-_.]+", "-", found[0]).lower()


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text))


def _locked(file: Path) -> dict[str, str]:
    """The version of each distribution in a lock file."""
    lines = re.findall(r"^([\w.-]+)(?:\[[\w,-]+\])?==([\w.]+)", file.read_text(), re.M)
    return {_name(name): version for name, version in lines}


def _wanted(file: Path) -> list[str]:
    """The requirements of pyproject.toml that a lock file is made of."""
    project = _pyproject()["project"]
    extras = project["optional-dependencies"]
    requirements = {
        RUNTIME: project["dependencies"] + extras["postgres"] + extras["redis"] + extras["otel"],
        DEVELOPMENT: project["dependencies"] + [one for extra in extras.values() for one in extra],
        BUILD: _pyproject()["dependency-groups"]["build"],
    }[file]
    return [one for one in requirements if _name(one) != OWN_NAME]


LOCKS = pytest.mark.parametrize("file", [RUNTIME, DEVELOPMENT, BUILD], ids=lambda file: file.stem)


@LOCKS
def test_a_lock_file_satisfies_pyproject(file: Path) -> None:
    """If this fails: make lock."""
    locked = _locked(file)
    for requirement in _wanted(file):
        assert _name(requirement) in locked, requirement
        version = _version(locked[_name(requirement)])
        for operator, bound in re.findall(r"(>=|<|==)\s*([\d.]+)", requirement):
            fits = {
                ">=": version >= _version(bound),
                "<": version < _version(bound),
                "==": version == _version(bound),
            }
            assert fits[operator], f"{requirement} is locked at {locked[_name(requirement)]}"


@LOCKS
def test_a_lock_file_pins_every_file_by_its_hash(file: Path) -> None:
    for entry in re.split(r"\n(?=\w)", re.sub(r"(?m)^\s*#.*\n", "", file.read_text()).strip()):
        assert re.match(r"[\w.-]+(\[[\w,-]+\])?==\S+", entry), entry
        assert "--hash=sha256:" in entry, entry


def test_the_lock_files_agree() -> None:
    """What runs is what the tests ran with."""
    tested = _locked(DEVELOPMENT)
    for file in (RUNTIME, BUILD):
        others = {name: tested.get(name) for name in _locked(file)}
        if file == BUILD:
            # hatchling's own dependencies need not be there for the tests.
            others = {name: version for name, version in others.items() if version is not None}
            assert others.items() <= _locked(file).items()
        else:
            assert others == _locked(file)


def test_the_runtime_lock_file_has_no_tools_of_development() -> None:
    """Only what is named for development alone: a dependency may be shared."""
    extras = _pyproject()["project"]["optional-dependencies"]
    shared = {_name(one) for one in _wanted(RUNTIME)}
    # Of uvicorn and typer, named by tests and benchmarks that import them themselves.
    shared |= {"click", "pyyaml", "uvloop"}
    tools = {_name(one) for one in extras["dev"]} - shared - {OWN_NAME}

    assert {"pytest", "mypy", "playwright", "hatchling"} <= tools
    assert not tools & _locked(RUNTIME).keys()


def test_the_build_group_is_what_the_build_needs() -> None:
    project = _pyproject()

    assert project["dependency-groups"]["build"] == project["build-system"]["requires"]


def test_the_image_installs_the_runtime_lock_file_alone() -> None:
    stages = re.split(r"^FROM ", (ROOT / "Dockerfile").read_text(), flags=re.M)[1:]
    installed = {
        target: file
        for stage in stages
        for target, file in re.findall(r"(/\w+)/bin/pip install [^\n]*-r (\S+)", stage)
    }

    assert installed == {"/build": BUILD.name, "/parley": RUNTIME.name}
    assert "COPY --from=build /parley /parley" in stages[-1]
    assert "/build/" not in stages[-1]


def test_what_the_dockerfile_copies_is_sent_to_the_builder() -> None:
    """.dockerignore leaves out everything but what it names."""
    sent = re.findall(r"^!(\S+)", (ROOT / ".dockerignore").read_text(), re.M)
    lines = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.M)
    copied = [name for line in lines for name in line.split()]

    assert sorted(copied) == sorted(sent)
    assert all((ROOT / name).exists() for name in copied)


def test_the_image_runs_as_a_user_of_its_own_and_is_checked() -> None:
    last = re.split(r"^FROM ", (ROOT / "Dockerfile").read_text(), flags=re.M)[-1]

    (user,) = re.findall(r"^USER (\w+)$", last, re.M)
    assert re.search(rf"useradd --system --uid \d+ .*{user}$", last.replace(" \\\n", "\n"), re.M)
    assert last.index("USER ") < last.index('CMD ["parley"')
    assert re.search(r"^HEALTHCHECK .*\n.*/health'", last, re.M)
    for tool in ("apt-get", "gcc", "pip install"):
        assert tool not in last
