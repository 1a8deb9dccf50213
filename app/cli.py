"""
The ``parley`` command: what can be asked for, and how.

A command does its work in :mod:`app.commands`, says one line on standard output, and ends with
0. What goes wrong is one line on standard error and another code; see
:mod:`app.commands.exits`.
"""

import asyncio
import secrets
import sys
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from app.api.openapi import VERSION
from app.commands import data
from app.commands.exits import CommandError, Misuse, verdict
from app.commands.operating import Operator, operator
from app.commands.serving import serve as serve_until_stopped
from app.commands.torture import run as run_torture
from app.config.settings import Settings, read_settings
from app.domain.roles import Kind
from app.observability.logs import configure
from app.torture.plan import Plan

T = TypeVar("T")

_CODES = (
    "Exit codes: 0 done, 1 not done, 2 a setting or the command line can't be meant, "
    "3 another process has the database."
)
_QUIET = {"no_args_is_help": True, "add_completion": False, "rich_markup_mode": None}

cli = typer.Typer(
    name="parley",
    help="Parley, a chat server that misses no message. Settings are environment variables or "
    "lines of .env; .env.example names every one.",
    epilog=_CODES,
    pretty_exceptions_enable=False,
    pretty_exceptions_show_locals=False,
    **_QUIET,  # type: ignore[arg-type]
)
user_cli = typer.Typer(help="Accounts: add them, let them in or keep them out.", **_QUIET)  # type: ignore[arg-type]
room_cli = typer.Typer(help="Rooms.", **_QUIET)  # type: ignore[arg-type]
cli.add_typer(user_cli, name="user")
cli.add_typer(room_cli, name="room")

Username = Annotated[str, typer.Argument(metavar="NAME", help="The username.")]
RoomName = Annotated[str, typer.Argument(metavar="NAME", help="The room's name.")]
FromStdin = Annotated[
    bool,
    typer.Option("--password-stdin", help="Read the password from standard input, one line."),
]


def main() -> None:
    """Run the command that the command line names, and exit."""
    try:
        cli(prog_name="parley")
    except Exception as exc:
        # The root of the program. What is not foreseen is a fault of ours: it stays a traceback.
        found = verdict(exc)
        if found is None:
            raise
        line, code = found
        print(line, file=sys.stderr)
        sys.exit(code)


@cli.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Where to listen, instead of HOST.")] = None,
    port: Annotated[
        int | None,
        typer.Option(help="On which port, instead of PORT. 0: any that is free."),
    ] = None,
    reload: Annotated[
        bool, typer.Option("--reload", help="Start again when a source file changes.")
    ] = False,
) -> None:
    """Start the server. An embedded database is migrated first."""
    serve_until_stopped(host, port, reload=reload)


@cli.command()
def migrate() -> None:
    """Bring the database to the schema of this version."""
    print(_run(data.migrate(_settings())))


@cli.command()
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file.")],
) -> None:
    """Copy the SQLite database, also while a server uses it."""
    print(_run(data.backup(_settings(), file)))


@cli.command()
def epoch(
    new: Annotated[
        bool,
        typer.Option("--new", help="Begin a new one: after restoring by other means."),
    ] = False,
) -> None:
    """Show the epoch: the name of this history, which clients remember."""
    print(_run(data.epoch(_settings(), new=new)))


@cli.command()
def check() -> None:
    """Look for what must not be in the log, also while a server uses it."""
    report = _run(data.examine(_settings()))
    for finding in report.findings:
        print(finding)
    if report.findings:
        raise CommandError(
            f"{len(report.findings)} findings in {report.rooms:,} rooms and "
            f"{report.events:,} events."
        )
    print(f"All is well: {report.rooms:,} rooms, {report.events:,} events.")


@cli.command()
def torture(
    url: Annotated[
        str | None,
        typer.Argument(metavar="URL", help="A server, such as https://chat.example.org."),
    ] = None,
    serve: Annotated[
        bool,
        typer.Option("--serve", help="A server of its own instead, which is killed at random."),
    ] = False,
    clients: Annotated[int, typer.Option(min=1, help="How many clients.")] = 20,
    users: Annotated[int, typer.Option(min=1, help="How many accounts they share.")] = 10,
    rooms: Annotated[int, typer.Option(min=1, help="How many rooms.")] = 3,
    seconds: Annotated[float, typer.Option(min=0.0, help="For how long.")] = 60.0,
    kills: Annotated[
        int, typer.Option(min=0, help="Until the server was killed so often, instead.")
    ] = 0,
    kill_every: Annotated[
        float, typer.Option(min=0.0, help="Seconds from one kill to the next, at most.")
    ] = 2.0,
    kill_with: Annotated[
        str | None,
        typer.Option(metavar="COMMAND", help="Kills and restarts the server at URL."),
    ] = None,
    accounts: Annotated[
        Path | None,
        typer.Option(help="A file of name:password lines, where registration is closed."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of the dice; random if left out.")] = None,
    report: Annotated[Path | None, typer.Option("--json", help="Also write this file.")] = None,
) -> None:
    """Look for what a server loses, doubles or mixes up, while clients and network fail."""
    plan = Plan(
        seed=secrets.randbits(32) if seed is None else seed,
        clients=clients,
        users=users,
        rooms=rooms,
        seconds=seconds,
        kills=kills,
        kill_every=kill_every,
    )
    run_torture(url, plan, serve=serve, kill_with=kill_with, accounts=accounts, report=report)


@cli.command()
def version() -> None:
    """Show the version."""
    print(f"parley {VERSION}")


@user_cli.command("add")
def user_add(
    name: Username,
    display_name: Annotated[
        str | None, typer.Option("--display-name", help="What others see.")
    ] = None,
    admin: Annotated[bool, typer.Option("--admin", help="Make them an administrator.")] = False,
    password_stdin: FromStdin = False,
) -> None:
    """Make an account, whether registration is open or not. Asks for the password."""
    password = _password(password_stdin)
    _operate(lambda to: to.add_user(name, password, display_name, is_admin=admin))
    print(f"Made the account {name.lower()}.")


@user_cli.command("passwd")
def user_passwd(name: Username, password_stdin: FromStdin = False) -> None:
    """Give a user another password, and end all their log-ins. Asks for it."""
    password = _password(password_stdin)
    _operate(lambda to: to.set_password(name, password))
    print(f"{name.lower()} has a new password, and is logged out everywhere.")


@user_cli.command("disable")
def user_disable(name: Username) -> None:
    """Keep a user out, and end all their log-ins."""
    _operate(lambda to: to.disable(name))
    print(f"{name.lower()} is kept out.")


@user_cli.command("enable")
def user_enable(name: Username) -> None:
    """Let a user in again."""
    _operate(lambda to: to.enable(name))
    print(f"{name.lower()} may log in.")


@user_cli.command("admin")
def user_admin(
    name: Username,
    off: Annotated[bool, typer.Option("--off", help="Make them an ordinary user.")] = False,
) -> None:
    """Make a user an administrator."""
    _operate(lambda to: to.set_admin(name, not off))
    print(f"{name.lower()} is {'no longer ' if off else ''}an administrator.")


@user_cli.command("erase")
def user_erase(
    name: Username,
    blank_messages: Annotated[
        bool, typer.Option("--blank-messages", help="Delete everything that they said, too.")
    ] = False,
) -> None:
    """Erase an account for good. Its messages stay, by deleted-<n>."""
    _operate(lambda to: to.erase_user(name, blank=blank_messages))
    print(f"{name.lower()} is erased{', with every message' if blank_messages else ''}.")


@room_cli.command("add")
def room_add(
    name: RoomName,
    title: Annotated[str, typer.Option(help="What it is called in lists.")] = "",
    private: Annotated[
        bool, typer.Option("--private", help="Only members see it. Name an owner too.")
    ] = False,
    owner: Annotated[str | None, typer.Option(help="The username of its owner.")] = None,
) -> None:
    """Make a room."""
    kind = Kind.PRIVATE if private else Kind.PUBLIC
    _operate(lambda to: to.rooms.add(name, title, kind, owner))
    print(f"Made the room {name.lower()}.")


@room_cli.command("retention")
def room_retention(
    name: RoomName,
    days: Annotated[
        int | None, typer.Option(min=1, help="Keep the events of so many days.")
    ] = None,
    events: Annotated[int | None, typer.Option(min=1, help="Keep so many events.")] = None,
    off: Annotated[bool, typer.Option("--off", help="Keep everything.")] = False,
) -> None:
    """Have a room keep only what is recent. What is removed does not come back."""
    if sum((days is not None, events is not None, off)) != 1:
        raise Misuse("Give one of --days, --events and --off.")
    _operate(lambda to: to.rooms.set_retention(name, days=days, events=events))
    kept = "everything" if off else f"{days} days" if days else f"{events} events"
    print(f"{name.lower()} keeps {kept}.")


def _settings() -> Settings:
    settings = read_settings()
    # A command says itself what it did and what went wrong.
    configure("critical", settings.log_format)
    return settings


def _run(doing: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(doing)


def _operate(act: Callable[[Operator], Awaitable[object]]) -> None:
    settings = _settings()

    async def operate() -> None:
        async with operator(settings) as doing:
            await act(doing)

    _run(operate())


def _password(from_stdin: bool) -> str:
    if from_stdin:
        try:
            return sys.stdin.buffer.readline().decode().rstrip("\r\n")
        except UnicodeDecodeError:
            raise Misuse("The password on standard input is not UTF-8.") from None
    if not sys.stdin.isatty():
        raise Misuse("There is no terminal to ask for the password: give --password-stdin.")
    asked: str = typer.prompt("Password", hide_input=True, confirmation_prompt="Again")
    return asked
