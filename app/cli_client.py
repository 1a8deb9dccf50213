"""
The commands of ``parley`` that talk to a server from outside, as a user: options and help.

What they do is in the Python client, :mod:`app._client.terminal`. They read no settings.
"""

import asyncio
import os
import sys
from collections.abc import Coroutine
from typing import Annotated, Any, TypeVar

import typer

from .commands.exit_codes import CommandError, Misuse

T = TypeVar("T")

Room = Annotated[str, typer.Argument(metavar="ROOM", help="Name of the room.")]
Url = Annotated[
    str | None,
    typer.Option(
        metavar="URL", help="Address of the server; else PARLEY_URL, else http://127.0.0.1:8000."
    ),
]
User = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="Who you are; else PARLEY_USER, else the one who is logged in."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, one object per line.")]


def add_to(cli: typer.Typer) -> None:
    """Add the commands to the command line."""
    cli.command()(login)
    cli.command()(logout)
    cli.command()(send)
    cli.command()(tail)
    cli.command()(chat)


def login(url: Url = None, user: User = None) -> None:
    """
    Log in at a server, for chat, send and tail.

    Asks for the password, unless PARLEY_PASSWORD is set. The tokens are kept in a file that only
    you can read; the password is not kept.
    """
    username = _username(user)
    if not username:
        raise Misuse("Say who you are with --user.")
    logins = _logins(url)

    async def open_once() -> str:
        async with _client(logins, username, fresh=True) as chat:
            name: str = chat.user
            return name

    name = _run(open_once())
    print(f"Logged in at {logins.url} as {name}.")


def logout(url: Url = None, user: User = None) -> None:
    """End a log-in, here and at the server."""
    from ._client.errors import ParleyError

    logins = _logins(url)
    username = _username(user)
    known = logins.users()
    chosen = [name for name in known if username is None or name == username.lower()]
    if len(chosen) != 1:
        raise Misuse(
            f"You are logged in at {logins.url} as {', '.join(known)}: choose with --user."
            if known
            else f"You are not logged in at {logins.url}."
        )
    file = logins.file(chosen[0])
    tokens = file.load()

    async def revoke() -> None:
        if tokens is not None:
            await logins.revoke(tokens)

    try:
        asyncio.run(revoke())
    except ParleyError as exc:
        raise CommandError(f"Still logged in: {exc}") from None
    file.remove()
    print(f"Logged out at {logins.url} as {chosen[0]}.")


def send(
    room: Room,
    text: Annotated[
        str | None, typer.Argument(metavar="TEXT", help="The message; else standard input.")
    ] = None,
    lines: Annotated[
        bool, typer.Option("--lines", help="Send each line of standard input when it comes.")
    ] = False,
    id: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Send only once, however often the command is repeated."),
    ] = None,
    timeout: Annotated[
        float,
        typer.Option(
            min=0.1,
            help="Seconds to wait for the answer, reconnects included. A server that can't be "
            "reached at the start is reported at once.",
        ),
    ] = 30.0,
    json: AsJson = False,
    url: Url = None,
    user: User = None,
) -> None:
    """
    Send a message. Exits with 0 when it is on the server's disk.

        echo hi | parley send general
    """
    from ._client.requests import Ack
    from ._client.terminal import send as sending

    if lines and (text is not None or id is not None):
        raise Misuse("--lines reads standard input; it takes neither a text nor --id.")

    def report(ack: Ack) -> None:
        print(sending.json_line(room, ack) if json else f"{room.lower()} {ack.seq}", flush=True)

    client = _client(_logins(url), user)
    if lines:
        stdin = sending.standard_input()
        _run(sending.send_lines(client, room, stdin, timeout, report))
    else:
        report(_run(sending.send_one(client, room, text, id, timeout)))


def tail(
    room: Room,
    since: Annotated[
        int | None,
        typer.Option(min=0, metavar="SEQ", help="Begin after this event; 0: from the first."),
    ] = None,
    last: Annotated[
        int, typer.Option(min=0, max=200, help="Begin with so many of the newest messages.")
    ] = 10,
    follow: Annotated[
        bool, typer.Option("--follow/--no-follow", help="Go on when there are no more.")
    ] = True,
    json: AsJson = False,
    url: Url = None,
    user: User = None,
) -> None:
    """
    Print a room's messages as they come, until Ctrl-C. With --json, every event.

        parley tail general --since 0 --json | jq .text
    """
    from ._client.terminal.pipes import while_it_is_read
    from ._client.terminal.tail import tail as run_tail

    work = run_tail(
        _client(_logins(url), user),
        room,
        since=since,
        last=last,
        follow=follow,
        json=json,
        out=lambda line: print(line, flush=True),
        warn=lambda line: print(line, file=sys.stderr, flush=True),
    )
    _run(while_it_is_read(work))


def chat(
    room: Annotated[str | None, typer.Argument(metavar="ROOM", help="Room to begin with.")] = None,
    url: Url = None,
    user: User = None,
) -> None:
    """
    Chat on the terminal: rooms, history, search. Type /help there.

    Needs Textual: in a checkout of Parley, pip install '.[tui]'.
    """
    try:
        from ._client.terminal.chat import run_chat
    except ModuleNotFoundError as exc:
        if (exc.name or "").partition(".")[0] not in ("textual", "rich"):
            raise
        raise CommandError(
            "parley chat needs Textual. In a checkout of Parley, run: pip install '.[tui]'"
        ) from None
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Misuse(
            "parley chat needs a terminal. In a script or a pipe, read a room with `parley tail` "
            "and write with `parley send`."
        )
    _run(run_chat(_client(_logins(url), user), room))


def _username(user: str | None) -> str | None:
    return user or os.environ.get("PARLEY_USER") or None


def _logins(url: str | None) -> Any:
    from ._client.terminal import logins

    chosen = url or os.environ.get("PARLEY_URL") or logins.DEFAULT_URL
    try:
        return logins.Logins(chosen, logins.logins_folder())
    except ValueError as exc:
        raise Misuse(f"{exc}.") from None


def _client(logins: Any, user: str | None, *, fresh: bool = False) -> Any:
    from ._client.limits import Limits
    from ._client.terminal.logins import NotLoggedIn, ask_at_terminal

    try:
        return logins.client(
            _username(user),
            ask_at_terminal,
            # A script learns at once that there is no server.
            limits=Limits(open_seconds=0),
            fresh=fresh,
        )
    except (NotLoggedIn, ValueError) as exc:
        raise Misuse(str(exc)) from None


def _run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run it; errors of the client become errors of the command."""
    from ._client.errors import ParleyError, Unauthorized
    from ._client.terminal.send import NothingToSend

    try:
        return asyncio.run(coroutine)
    except Unauthorized as exc:
        raise CommandError(f"{exc} Log in with `parley login`.") from None
    except ParleyError as exc:
        raise CommandError(str(exc)) from None
    except NothingToSend as exc:
        raise Misuse(str(exc)) from None
    except BrokenPipeError:
        # The reader has what it wants: `parley tail general | head`. As if SIGPIPE had ended it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(128 + 13) from None
    except KeyboardInterrupt:
        raise SystemExit(128 + 2) from None
