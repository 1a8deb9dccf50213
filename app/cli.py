"""
The ``parley`` command: its commands, options and help.

A command does its work in :mod:`app.commands`, prints one line on standard output, and exits with
0. On failure it prints one line on standard error and exits with another code; see
:mod:`app.commands.exit_codes`.

Each command imports what it runs when it runs: database, web framework and the rest take over a
second, which ``parley --help`` need not wait for.
"""

import asyncio
import secrets
import sys
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from . import cli_client
from .commands.exit_codes import CommandError, Misuse, exit_status
from .domain.roles import Kind
from .torture.plan import Plan
from .version import VERSION

if TYPE_CHECKING:
    from .commands.admin_backend import AdminBackend
    from .config.settings import Settings

T = TypeVar("T")

_CODES = (
    "Exit codes: 0 done, 1 failed, 2 the command line or a setting is invalid, "
    "3 another process is using the database."
)
_QUIET = {"no_args_is_help": True, "add_completion": False, "rich_markup_mode": None}

cli = typer.Typer(
    name="parley",
    help="Parley, a chat server that never loses a message. Settings are environment variables "
    "or lines of .env; .env.example lists all of them.",
    epilog=_CODES,
    pretty_exceptions_enable=False,
    pretty_exceptions_show_locals=False,
    **_QUIET,  # type: ignore[arg-type]
)
user_cli = typer.Typer(help="Create, disable, enable and erase accounts.", **_QUIET)  # type: ignore[arg-type]
room_cli = typer.Typer(help="Create rooms, and set what they keep.", **_QUIET)  # type: ignore[arg-type]
cli.add_typer(user_cli, name="user")
cli.add_typer(room_cli, name="room")

Username = Annotated[str, typer.Argument(metavar="NAME", help="Username.")]
RoomName = Annotated[str, typer.Argument(metavar="NAME", help="Name of the room.")]
FromStdin = Annotated[
    bool,
    typer.Option("--password-stdin", help="Read the password from a line of standard input."),
]


def main() -> None:
    """Run the command that the command line names, and exit."""
    try:
        cli(prog_name="parley")
    except Exception as exc:
        # An exception without an exit status is a bug: leave the traceback.
        status = exit_status(exc)
        if status is None:
            raise
        line, code = status
        print(line, file=sys.stderr)
        sys.exit(code)


@cli.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; overrides HOST.")] = None,
    port: Annotated[
        int | None,
        typer.Option(help="Port to listen on; overrides PORT. 0 picks a free port."),
    ] = None,
    reload: Annotated[
        bool, typer.Option("--reload", help="Restart when a source file changes.")
    ] = False,
) -> None:
    """Start the server. A SQLite database is migrated first."""
    from .commands.serve import serve as run_server

    run_server(host, port, reload=reload)


@cli.command()
def migrate() -> None:
    """Migrate the database to the schema of this version."""
    from .commands import database

    print(_run(database.migrate(_settings())))


@cli.command()
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File to create.")],
) -> None:
    """Back up the SQLite database to a file. Works while a server is running."""
    from .commands import database

    print(_run(database.backup(_settings(), file)))


@cli.command()
def epoch(
    new: Annotated[
        bool,
        typer.Option("--new", help="Start a new epoch, after restoring a backup by other means."),
    ] = False,
) -> None:
    """Show the epoch, which identifies this history to clients."""
    from .commands import database

    print(_run(database.epoch(_settings(), new=new)))


@cli.command()
def check() -> None:
    """Check the log for inconsistencies. Works while a server is running."""
    from .commands import database

    report = _run(database.examine(_settings()))
    for finding in report.findings:
        print(finding)
    if report.findings:
        raise CommandError(
            f"{len(report.findings)} findings in {report.rooms:,} rooms and "
            f"{report.events:,} events."
        )
    print(f"No problems found: {report.rooms:,} rooms, {report.events:,} events.")


@cli.command()
def torture(
    url: Annotated[
        str | None,
        typer.Argument(metavar="URL", help="Server to test, such as https://chat.example.org."),
    ] = None,
    serve: Annotated[
        bool,
        typer.Option("--serve", help="Test a temporary server instead, and kill it at random."),
    ] = False,
    clients: Annotated[int, typer.Option(min=1, help="Number of clients.")] = 20,
    users: Annotated[int, typer.Option(min=1, help="Number of accounts that they share.")] = 10,
    rooms: Annotated[int, typer.Option(min=1, help="Number of rooms.")] = 3,
    seconds: Annotated[float, typer.Option(min=0.0, help="Length of the run.")] = 60.0,
    kills: Annotated[
        int, typer.Option(min=0, help="Run until the server was killed this often instead.")
    ] = 0,
    kill_every: Annotated[
        float, typer.Option(min=0.0, help="Longest time between two kills, in seconds.")
    ] = 2.0,
    kill_with: Annotated[
        str | None,
        typer.Option(metavar="COMMAND", help="Shell command that kills and restarts the server."),
    ] = None,
    accounts: Annotated[
        Path | None,
        typer.Option(help="File of name:password lines, if registration is closed."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Random seed. Default: random.")] = None,
    report: Annotated[
        Path | None, typer.Option("--json", help="Also write the report to this file as JSON.")
    ] = None,
) -> None:
    """Test whether a server loses or duplicates events while clients and network fail."""
    from .commands.torture import run as run_torture

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
        str | None, typer.Option("--display-name", help="Name that others see.")
    ] = None,
    admin: Annotated[bool, typer.Option("--admin", help="Make it an administrator.")] = False,
    password_stdin: FromStdin = False,
) -> None:
    """Create an account, even if registration is closed. Prompts for the password."""
    password = _password(password_stdin)
    _run_admin(lambda backend: backend.add_user(name, password, display_name, is_admin=admin))
    print(f"Created the account {name.lower()}.")


@user_cli.command("passwd")
def user_passwd(name: Username, password_stdin: FromStdin = False) -> None:
    """Change a user's password and revoke all their sessions. Prompts for the password."""
    password = _password(password_stdin)
    _run_admin(lambda backend: backend.set_password(name, password))
    print(f"Changed the password of {name.lower()} and revoked all sessions.")


@user_cli.command("disable")
def user_disable(name: Username) -> None:
    """Disable an account and revoke all its sessions."""
    _run_admin(lambda backend: backend.disable(name))
    print(f"Disabled the account {name.lower()}.")


@user_cli.command("enable")
def user_enable(name: Username) -> None:
    """Enable a disabled account."""
    _run_admin(lambda backend: backend.enable(name))
    print(f"Enabled the account {name.lower()}.")


@user_cli.command("admin")
def user_admin(
    name: Username,
    off: Annotated[bool, typer.Option("--off", help="Remove the administrator role.")] = False,
) -> None:
    """Make a user an administrator."""
    _run_admin(lambda backend: backend.set_admin(name, not off))
    print(f"{name.lower()} is {'no longer ' if off else ''}an administrator.")


@user_cli.command("erase")
def user_erase(
    name: Username,
    blank_messages: Annotated[
        bool, typer.Option("--blank-messages", help="Also delete the text of their messages.")
    ] = False,
) -> None:
    """Erase an account permanently. Its messages stay, attributed to deleted-<n>."""
    _run_admin(lambda backend: backend.erase_user(name, blank=blank_messages))
    print(f"Erased the account {name.lower()}{' and its messages' if blank_messages else ''}.")


@room_cli.command("add")
def room_add(
    name: RoomName,
    title: Annotated[str, typer.Option(help="Title shown in lists.")] = "",
    private: Annotated[
        bool, typer.Option("--private", help="Visible to members only. Requires --owner.")
    ] = False,
    owner: Annotated[str | None, typer.Option(help="Username of the owner.")] = None,
) -> None:
    """Create a room."""
    kind = Kind.PRIVATE if private else Kind.PUBLIC
    _run_admin(lambda backend: backend.rooms.add(name, title, kind, owner))
    print(f"Created the room {name.lower()}.")


@room_cli.command("retention")
def room_retention(
    name: RoomName,
    days: Annotated[
        int | None, typer.Option(min=1, help="Keep the events of this many days.")
    ] = None,
    events: Annotated[int | None, typer.Option(min=1, help="Keep this many events.")] = None,
    off: Annotated[bool, typer.Option("--off", help="Keep all events.")] = False,
) -> None:
    """Set how long a room keeps events. Removed events can't be restored."""
    if sum((days is not None, events is not None, off)) != 1:
        raise Misuse("Give exactly one of --days, --events and --off.")
    _run_admin(lambda backend: backend.rooms.set_retention(name, days=days, events=events))
    kept = "all events" if off else f"the events of {days} days" if days else f"{events} events"
    print(f"{name.lower()} keeps {kept}.")


# After the commands of operators in the list.
cli_client.add_to(cli)


def _settings() -> "Settings":
    from .config.settings import read_settings
    from .observability.logs import configure

    settings = read_settings()
    # A command prints its own result and its own error.
    configure("critical", settings.log_format)
    return settings


def _run(coroutine: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(coroutine)


def _run_admin(action: Callable[["AdminBackend"], Awaitable[object]]) -> None:
    from .commands.admin_backend import open_admin

    settings = _settings()

    async def run() -> None:
        async with open_admin(settings) as admin:
            await action(admin)

    _run(run())


def _password(from_stdin: bool) -> str:
    if from_stdin:
        try:
            return sys.stdin.buffer.readline().decode().rstrip("\r\n")
        except UnicodeDecodeError:
            raise Misuse("The password on standard input is not UTF-8.") from None
    if not sys.stdin.isatty():
        raise Misuse("There is no terminal to prompt for the password; use --password-stdin.")
    password: str = typer.prompt("Password", hide_input=True, confirmation_prompt="Again")
    return password
