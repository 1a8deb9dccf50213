"""The docs list every error, limit, setting, permission, log event and command of the code."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from app.cli import cli
from app.config.settings import Settings
from app.domain import connection_limits, limits, server_limits
from app.domain.errors import ParleyError
from app.domain.roles import PERMISSIONS, Action, Role
from app.store import migrations
from tests.docs.pages import ROOT, documented, page, pages

HEADINGS = {"action", "event", "limit", "setting"}


def _listed(name: str) -> dict[str, list[str]]:
    listed = documented(page(name))
    return {word: cells for word, cells in listed.items() if word not in HEADINGS}


LIMITS = {
    name: value
    for module in (limits, connection_limits, server_limits)
    for name, value in vars(module).items()
    if name.isupper()
}


def _family(error: type[ParleyError]) -> Iterator[type[ParleyError]]:
    for child in error.__subclasses__():
        yield child
        yield from _family(child)


ERRORS = sorted(_family(ParleyError), key=lambda error: error.code)


# Errors


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_an_error_has_its_heading_with_status_and_close(error: type[ParleyError]) -> None:
    close = f" · {error.close}" if error.close else ""

    assert f"\n## `{error.code}` — {int(error.status)}{close}\n" in page("docs/errors.md")


def test_every_heading_is_an_existing_error() -> None:
    headings = re.findall(r"^## `(\w+)`", page("docs/errors.md"), re.M)

    assert sorted(headings) == sorted({error.code for error in ERRORS})


def test_the_protocol_lists_every_error_with_its_status() -> None:
    section = page("docs/protocol.md").partition("### 2.5")[2].partition("### 2.6")[0]

    listed = dict(re.findall(r"`(\w+)`\s+(\d{3})\b", section))

    assert listed == {error.code: str(int(error.status)) for error in ERRORS}


# Limits and settings


@pytest.mark.parametrize("name", LIMITS)
def test_a_limit_is_listed_with_its_value_and_reason(name: str) -> None:
    _name, value, _unit, reason = _listed("docs/limits.md")[name]

    assert value == f"{LIMITS[name]:,}"
    assert reason.endswith((".", "…", ")"))


def test_every_listed_limit_exists() -> None:
    settings = {name.upper() for name in Settings.model_fields}

    assert set(_listed("docs/limits.md")) - settings == set(LIMITS)


def test_settings_among_the_limits_have_their_defaults() -> None:
    listed = _listed("docs/limits.md")

    for name, field in Settings.model_fields.items():
        if name.upper() in listed:
            assert listed[name.upper()][1] == f"{field.default:,}", name


@pytest.mark.parametrize("name", Settings.model_fields)
def test_a_setting_is_listed_with_its_default(name: str) -> None:
    default = Settings.model_fields[name].default
    shown = {"True": "on", "False": "off", "None": "", "()": ""}.get(str(default), default)

    _name, listed, what = _listed("docs/configuration.md")[name.upper()]

    assert listed.strip("`") == str(shown)
    assert what


def test_every_listed_setting_exists() -> None:
    known = {name.upper() for name in Settings.model_fields}

    assert set(_listed("docs/configuration.md")) == known


# Permissions


def test_the_table_of_permissions_is_that_of_the_code() -> None:
    roles, _, _ = page("docs/permissions.md").partition("## Blocks")
    listed = documented(roles)
    del listed["action"]

    for action in Action:
        shown = [cell == "yes" for cell in listed[action.value][2:]]
        held = [action in PERMISSIONS[role] for role in (Role.MEMBER, Role.MODERATOR, Role.OWNER)]
        assert shown == held, action
    assert set(listed) == {action.value for action in Action}


# Operations


def _logged() -> set[str]:
    """The names of the log events in the code."""
    named = re.compile(
        r"(?:\blog\.\w+\(|\bevent\(\s*log,\s*logging\.\w+,)\s*\"([a-z_]+\.[a-z_]+)\""
    )
    found: set[str] = set()
    for file in (ROOT / "app").rglob("*.py"):
        if file.name != "logs.py":
            found.update(named.findall(file.read_text("utf-8")))
    return found


def test_the_listed_log_events_are_those_of_the_code() -> None:
    assert len(_logged()) > 20
    assert set(_listed("docs/operations.md")) == _logged()


def _commands(command: Any, name: str) -> Iterator[str]:
    children = getattr(command, "commands", {})
    if not children:
        yield name
    for child, inner in children.items():
        yield from _commands(inner, f"{name} {child}")


def test_the_changelog_names_the_schema() -> None:
    assert f"schema: {migrations.latest()}." in page("CHANGELOG.md")


COMMANDS = set(_commands(typer.main.get_command(cli), "parley"))


def test_every_command_is_listed() -> None:
    missing = {name for name in COMMANDS if f"`{name}`" not in page("docs/operations.md")}

    assert not missing


@pytest.mark.parametrize("file", pages(), ids=lambda file: str(file.relative_to(ROOT)))
def test_every_named_command_exists(file: object) -> None:
    said = re.findall(r"`(?:\.venv/bin/)?(parley(?: [a-z]+){1,2})", page(str(file)))

    for command in said:
        words = command.split()
        assert any(" ".join(words[:end]) in COMMANDS for end in (2, 3)) or any(
            name.startswith(f"{command} ") for name in COMMANDS
        ), command
