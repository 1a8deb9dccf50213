"""
The ``parley`` command: its commands, options and help.

A command does its work in :mod:`app.commands`, prints one line on standard output, and exits with
0. On failure it prints one line on standard error and exits with another code; see
:mod:`app.commands.exit_codes`.

Each command imports what it runs when it runs: database, web framework and the rest take over a
second, which ``parley --help`` need not wait for.
"""

import secrets
import sys
from pathlib import Path
from typing import Annotated

import typer

from . import cli_client, cli_rooms, cli_users
from .commands.counted import counted
from .commands.exit_codes import CommandError, exit_with_status
from .commands.running import run, settings
from .torture.plan import Plan
from .version import VERSION

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
user_cli = typer.Typer(help="List, create, disable, enable and erase accounts.", **_QUIET)  # type: ignore[arg-type]
room_cli = typer.Typer(help="List and create rooms, and set what they keep.", **_QUIET)  # type: ignore[arg-type]
cli.add_typer(user_cli, name="user")
cli.add_typer(room_cli, name="room")
cli_users.add_to(user_cli)
cli_rooms.add_to(room_cli)


def main() -> None:
    """Run the command that the command line names, and exit."""
    exit_with_status(lambda: cli(prog_name="parley"))


@cli.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; overrides HOST.")] = None,
    port: Annotated[
        int | None,
        typer.Option(help="Port to listen on; overrides PORT. 0 picks a free port."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Number of processes that serve; overrides WORKERS. More than 1 needs "
            "PostgreSQL. SIGHUP restarts them one after the other.",
        ),
    ] = None,
    reload: Annotated[
        bool, typer.Option("--reload", help="Restart when a source file changes.")
    ] = False,
) -> None:
    """Start the server. A SQLite database is migrated first."""
    from .commands.serve import serve as run_server

    run_server(host, port, workers, reload=reload)


@cli.command()
def migrate() -> None:
    """Migrate the database to the schema of this version."""
    from .commands import database

    print(run(database.migrate(settings())))


@cli.command()
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File to create.")],
) -> None:
    """Back up the SQLite database to a file. Works while a server is running."""
    from .commands import database

    print(run(database.backup(settings(), file)))


@cli.command()
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Backup to restore.")],
    force: Annotated[
        bool, typer.Option("--force", help="Restore it even if the check finds something.")
    ] = False,
) -> None:
    """
    Put a backup in the place of the SQLite database. Needs the server to be stopped.

    The backup is checked first. The database that was there is kept beside it.
    """
    from .commands.restore import restore as run_restore

    print(run(run_restore(settings(), file, force=force)))


@cli.command()
def move(
    to: Annotated[
        str,
        typer.Option(metavar="URL", help="Address of the new database, which must be empty."),
    ],
) -> None:
    """
    Move everything to another database, of either kind.

    A server that is running carries it out while it serves, and stops at the end. Users stay
    logged in, and clients go on from where they are. After an interruption, run it again.
    """
    from .commands.move import move as run_move

    def show(progress: str) -> None:
        print(progress, file=sys.stderr)

    try:
        print(run(run_move(settings(), to, show)))
    except KeyboardInterrupt:
        raise CommandError("The move was interrupted. Run it again to go on.") from None


@cli.command()
def epoch(
    new: Annotated[
        bool,
        typer.Option("--new", help="Start a new epoch, after restoring a backup by other means."),
    ] = False,
) -> None:
    """Show the epoch, which identifies this history to clients."""
    from .commands import database

    print(run(database.epoch(settings(), new=new)))


@cli.command()
def check() -> None:
    """Check the log for inconsistencies. Works while a server is running."""
    from .commands import database

    report = run(database.examine(settings()))
    for finding in report.findings:
        print(finding)
    if report.without_checksum:
        print(
            f"{counted(report.without_checksum, 'event')} of an older version without a checksum "
            "yet: damage there can't be noticed. A server adds it while it runs."
        )
    if report.findings:
        raise CommandError(
            f"{counted(len(report.findings), 'finding')} in {counted(report.rooms, 'room')} and "
            f"{counted(report.events, 'event')}."
        )
    rooms, events = counted(report.rooms, "room"), counted(report.events, "event")
    print(f"No problems found: {rooms}, {events}.")


@cli.command()
def torture(
    urls: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="URL",
            help="Server to test, such as https://chat.example.org; or all its nodes.",
        ),
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
    run_torture(
        urls or [], plan, serve=serve, kill_with=kill_with, accounts=accounts, report=report
    )


@cli.command()
def version() -> None:
    """Show the version."""
    print(f"parley {VERSION}")


cli.command()(cli_users.token)
# After the commands of operators in the list.
cli_client.add_to(cli)
