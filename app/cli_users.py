"""The commands ``parley user …``: options and help."""

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from .commands.exit_codes import CommandError, Misuse
from .commands.running import run_admin

Username = Annotated[str, typer.Argument(metavar="NAME", help="Username.")]
FromStdin = Annotated[
    bool,
    typer.Option("--password-stdin", help="Read the password from a line of standard input."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, one object per line.")]


def add_to(cli: typer.Typer) -> None:
    """Add the commands to ``parley user``."""
    cli.command("list")(list_all)
    for command in (add, passwd, disable, enable, admin, erase):
        cli.command(command.__name__)(command)


def add(
    name: Username,
    display_name: Annotated[
        str | None, typer.Option("--display-name", help="Name that others see.")
    ] = None,
    admin: Annotated[bool, typer.Option("--admin", help="Make it an administrator.")] = False,
    password_stdin: FromStdin = False,
) -> None:
    """Create an account, even if registration is closed. Prompts for the password."""
    from .domain import labels, names

    names.new_username(name, by_operator=True)
    if display_name is not None:
        labels.display_name(display_name)
    password = _password(password_stdin, unless=lambda: _refuse_taken(name))
    run_admin(lambda backend: backend.add_user(name, password, display_name, is_admin=admin))
    print(f"Created the account {name.lower()}.")


def list_all(as_json: AsJson = False) -> None:
    """List all accounts by name, including disabled ones."""
    from .commands.listing import list_users

    run_admin(lambda backend: list_users(backend, print, as_json=as_json))


def passwd(name: Username, password_stdin: FromStdin = False) -> None:
    """Change a user's password and revoke all their sessions. Prompts for the password."""
    password = _password(password_stdin, unless=lambda: _refuse_unknown(name))
    run_admin(lambda backend: backend.set_password(name, password))
    print(f"Changed the password of {name.lower()} and revoked all sessions.")


def disable(name: Username) -> None:
    """Disable an account and revoke all its sessions."""
    run_admin(lambda backend: backend.disable(name))
    print(f"Disabled the account {name.lower()}.")


def enable(name: Username) -> None:
    """Enable a disabled account."""
    run_admin(lambda backend: backend.enable(name))
    print(f"Enabled the account {name.lower()}.")


def admin(
    name: Username,
    off: Annotated[bool, typer.Option("--off", help="Remove the administrator role.")] = False,
) -> None:
    """Make a user an administrator."""
    run_admin(lambda backend: backend.set_admin(name, not off))
    print(f"{name.lower()} is {'no longer ' if off else ''}an administrator.")


def erase(
    name: Username,
    blank_messages: Annotated[
        bool, typer.Option("--blank-messages", help="Also delete the text of their messages.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
) -> None:
    """Erase an account permanently. Its messages stay, attributed to deleted-<n>."""
    if not yes:
        _confirm_erasure(name.lower(), blank_messages)
    run_admin(lambda backend: backend.erase_user(name, blank=blank_messages))
    print(f"Erased the account {name.lower()}{' and its messages' if blank_messages else ''}.")


def token(name: Username) -> None:
    """
    Log in as a user, for a script, and print an access token.

    It is valid for ACCESS_TOKEN_MINUTES and can't be refreshed. The user sees the log-in in their
    list of sessions, as "parley token", and can end it there; the audit log has it, too.

        TOKEN=$(parley token ann)
    """
    issued = run_admin(lambda backend: backend.log_in_as(name, "parley token"))
    typer.echo(f"Valid for {issued.expires_in // 60} minutes, as {name.lower()}.", err=True)
    print(issued.access_token)


def _confirm_erasure(name: str, blank_messages: bool) -> None:
    """Ask for the name at the terminal; return when it was typed."""
    if not sys.stdin.isatty():
        raise Misuse(f"There is no terminal to ask whether {name} is to be erased; use --yes.")
    messages = (
        "The text of its messages is deleted."
        if blank_messages
        else "Its messages stay, attributed to deleted-<n>."
    )
    typer.echo(
        f"This erases the account {name}: its password, sessions and memberships. Rooms that it "
        f"owns get another owner. {messages}\nIt can't be undone, and the name is never given "
        "again.",
        err=True,
    )
    typed: str = typer.prompt(
        "Type the name to erase it", default="", show_default=False, err=True
    )
    if typed.strip().lower() != name:
        raise CommandError(f"That is not the name. {name} was not erased.")


def _refuse_taken(name: str) -> None:
    # The name of an erased account is refused when the account is created.
    from .domain.errors import UsernameTaken

    if run_admin(lambda backend: backend.has_user(name)):
        raise UsernameTaken


def _refuse_unknown(name: str) -> None:
    from .domain.errors import UserNotFound

    if not run_admin(lambda backend: backend.has_user(name)):
        raise UserNotFound


def _password(from_stdin: bool, *, unless: Callable[[], None]) -> str:
    """
    Read the new password.

    Args:
        unless: Raises what makes a password needless, before a person is asked for one.

    """
    if from_stdin:
        try:
            return sys.stdin.buffer.readline().decode().rstrip("\r\n")
        except UnicodeDecodeError:
            raise Misuse("The password on standard input is not UTF-8.") from None
    if not sys.stdin.isatty():
        raise Misuse("There is no terminal to prompt for the password; use --password-stdin.")
    unless()
    password: str = typer.prompt("Password", hide_input=True, confirmation_prompt="Again")
    return password
