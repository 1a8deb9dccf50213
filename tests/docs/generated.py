"""
The pages of the reference that are made of what the code says about itself.

    PYTHONPATH=clients/python .venv/bin/python -m tests.docs.generated

writes them again; a test compares them. They show docstrings, JSDoc comments and ``--help``.
"""

import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import typer.main

import parley_client
from app.cli import cli

DOCS = Path(__file__).parents[2] / "docs"
JAVASCRIPT = Path(__file__).parents[2] / "clients" / "javascript" / "src"

WIDTH = 90

# What the classes of the Python client are for, in the order in which one needs them.
PYTHON = {
    "Clients": ["Client", "SyncClient"],
    "Rooms": ["Room", "SyncRoom"],
    "Events": [
        *("Event", "RoomEvent", "MessageCreated", "MessageEdited", "MessageDeleted"),
        *("ReactionAdded", "ReactionRemoved", "MessagePinned", "MessageUnpinned"),
        *("MemberJoined", "MemberLeft", "MemberUpdated", "UserErased"),
        *("RoomCreated", "RoomUpdated", "RoomArchived", "RoomReopened", "Reset"),
    ],
    "Answers and signals": ["Ack", "Signal", "Signals"],
    "Errors": [
        *("ParleyError", "Refused", "BadRequest", "Unauthorized", "Forbidden", "Banned", "Muted"),
        *("NotFound", "Conflict", "IdReused", "RateLimited", "TooManyConnections", "ServerError"),
        *("NotAcknowledged", "RoomEnded", "Unreachable", "Closed"),
    ],
    "Where to resume, and log-ins": [
        *("Cursor", "CursorStore", "MemoryCursors", "FileCursors", "SqliteCursors"),
        *("Tokens", "TokenStore", "TokenFile"),
    ],
    "Limits": ["Limits"],
}


def commands() -> str:
    """``docs/commands.md``: the help of every command."""
    root = typer.main.get_command(cli)
    lines = ["# Commands", "", "What `parley` and each of its commands say with `--help`."]
    for name, command in _commands("parley", root):
        context = click.Context(
            command, info_name=name, max_content_width=WIDTH, terminal_width=WIDTH
        )
        help_text = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
        lines += ["", f"## {name}", "", "```text", help_text.strip(), "```"]
    return "\n".join([*lines, ""])


def _commands(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield name, command
    for child, each in getattr(command, "commands", {}).items():
        yield from _commands(f"{name} {child}", each)


# The Python client


def python() -> str:
    """``docs/sdk-python.md``: what ``parley_client`` exports."""
    lines = [
        "# Python client",
        "",
        "Everything that `parley_client` exports. How to install and begin:",
        "`clients/python/README.md`, and [bots](bots.md).",
    ]
    for title, names in PYTHON.items():
        lines += ["", f"## {title}"]
        for name in names:
            lines += _python_object(name, getattr(parley_client, name))
    return "\n".join([*lines, ""])


def _python_object(name: str, value: object) -> list[str]:
    lines = ["", f"### {name}", ""]
    if not inspect.isclass(value):
        return [*lines, f"`{_plain(str(value))}`"]
    signature = _signature(value)
    if signature != "()" and not issubclass(value, Exception):
        lines += ["```text", f"{name}{signature}", "```", ""]
    lines += _docstring(value)
    for member, each in _members(value):
        called = each.fget if isinstance(each, property) else each
        shown = "" if isinstance(each, property) else _signature(called)
        word = "async " if inspect.iscoroutinefunction(called) else ""
        lines += [
            "",
            f"#### {name}.{member}",
            "",
            f"`{word}{member}{shown}`",
            "",
            *_docstring(called),
        ]
    return lines


def _members(value: type) -> list[tuple[str, Callable[..., object] | property]]:
    """Its public methods and properties, and those of its bases in the package."""
    found: dict[str, Callable[..., object] | property] = {}
    for base in reversed(value.__mro__):
        if not base.__module__.startswith("parley_client") or issubclass(base, Exception):
            continue
        for name, each in vars(base).items():
            if not name.startswith("_") and (
                inspect.isfunction(each) or isinstance(each, property)
            ):
                found[name] = each
    return list(found.items())


def _signature(value: object) -> str:
    try:
        shown = str(inspect.signature(value))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return "()"
    shown = re.sub(r"\(self(, )?", "(", shown)
    return _plain(re.sub(r"<[^>]*>", "…", shown)).removesuffix(" -> None")


def _plain(annotation: str) -> str:
    """A type without the modules that it is from."""
    return re.sub(
        r"\b(?:parley_client|collections\.abc|typing|asyncio|ssl|pathlib|datetime)\.(?:\w+\.)*",
        "",
        annotation,
    )


def _docstring(value: object) -> list[str]:
    text = inspect.getdoc(value) or ""
    text = re.sub(r":(?:class|meth|func|mod|attr):`~?(?:[\w.]*\.)?([\w]+)`", r"`\1`", text)
    text = text.replace("``", "`")
    lines: list[str] = []
    in_list = False
    for line in text.splitlines():
        if line in {"Args:", "Raises:", "Returns:", "Yields:"}:
            lines += [f"**{line.removesuffix(':')}**", ""]
            in_list = True
        elif in_list and (item := re.fullmatch(r"    (\w[\w.]*): (.*)", line)):
            lines.append(f"- `{item[1]}`: {item[2]}")
        elif in_list and line.startswith("    "):
            lines.append("  " + line.strip())
        else:
            in_list = in_list and not line.strip()
            lines.append(line)
    return lines


# The JavaScript client


def javascript() -> str:
    """``docs/sdk-javascript.md``: what ``@parley/client`` exports."""
    lines = [
        "# JavaScript client",
        "",
        "Everything that `@parley/client` exports. How to install and begin:",
        "`clients/javascript/README.md`, and [frameworks](frameworks.md).",
    ]
    index = (JAVASCRIPT / "index.js").read_text("utf-8")
    for names, file in re.findall(r"export \{ ([^}]+) \} from \"\./(\w+\.js)\"", index):
        source = (JAVASCRIPT / file).read_text("utf-8")
        for name in names.split(", "):
            lines += _javascript_object(name, source)
    types = (JAVASCRIPT / "types.d.ts").read_text("utf-8").strip()
    lines += ["", "## Types", "", "```ts", types, "```"]
    return "\n".join([*lines, ""])


TAGS = "param|returns|throws|implements|template|type|typedef"
COMMENT = r"/\*\*((?:(?!\*/)[\s\S])*)\*/\n+"


def _javascript_object(name: str, source: str) -> list[str]:
    declared = re.search(
        COMMENT + rf"export (?:async )?(class|function|const) {name}\b([^\n]*)", source
    )
    assert declared, f"{name} has no comment."
    lines = ["", f"## {name}", "", *_jsdoc(declared[1])]
    if declared[2] == "const":
        code = source[declared.end(1) :].split("export const ", 1)[1].split("\n});", 1)[0]
        return [*lines, "", "```js", *f"{code}\n}});".splitlines(), "```"]
    if declared[2] == "function":
        return lines
    body = source[declared.end() :].split("\n}\n", 1)[0]
    member = COMMENT + r"  (?:(static|async) )?((?:get )?\[?[a-zA-Z][\w.]*\]?)\(([^\n]*?)\) \{"
    for comment, word, called, arguments in re.findall(member, body):
        shown = called.removeprefix("get ")
        if called == "constructor":
            title, line = f"new {name}", f"new {name}({arguments})"
        else:
            title = f"{name}.{shown}"
            line = shown if called.startswith("get ") else f"{shown}({arguments})"
        prefix = f"{word} " if word else ""
        lines += ["", f"### {title}", "", f"`{prefix}{line}`", "", *_jsdoc(comment)]
    return lines


def _jsdoc(comment: str) -> list[str]:
    lines = [re.sub(r"^\s*\* ?", "", line).rstrip() for line in comment.strip().splitlines()]
    found: list[str] = []
    # Tags that share a line with the text, or with others.
    for line in re.sub(r" (?=@\w+ \{)", "\n", "\n".join(lines)).splitlines():
        tag = re.match(rf"@({TAGS})\b ?(?:\{{(.*?)\}}(?= |$))? ?(.*)", line)
        if not tag:
            found.append(line)
            continue
        kind, type_, text = tag.groups()
        if kind in {"implements", "template", "type", "typedef"}:
            continue
        type_ = re.sub(r"import\([^)]*\)\.", "", type_ or "")
        if kind == "param":
            name, _, rest = text.partition(" ")
            found.append(f"- `{name.strip('[]')}` (`{type_}`){': ' + rest if rest else ''}")
        else:
            found.append(f"- {kind} `{type_}`{' ' + text if text else ''}")
    text = "\n".join(found).strip()
    # A list stands apart from the text before it.
    return re.sub(r"(?m)^((?!- ).+)\n- ", r"\1\n\n- ", text).splitlines()


PAGES: dict[str, Callable[[], str]] = {
    "commands.md": commands,
    "sdk-python.md": python,
    "sdk-javascript.md": javascript,
}


if __name__ == "__main__":
    for name, made in PAGES.items():
        (DOCS / name).write_text(made(), "utf-8")
