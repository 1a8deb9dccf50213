"""The commands ``parley room …``: options and help."""

from typing import Annotated

import typer

from .commands.exit_codes import Misuse
from .commands.running import run_admin
from .domain.roles import Kind

RoomName = Annotated[str, typer.Argument(metavar="NAME", help="Name of the room.")]

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, one object per line.")]


def add_to(cli: typer.Typer) -> None:
    """Add the commands to ``parley room``."""
    cli.command("add")(add)
    cli.command("list")(list_all)
    cli.command("retention")(retention)


def add(
    name: RoomName,
    title: Annotated[str, typer.Option(help="Title shown in lists.")] = "",
    private: Annotated[
        bool, typer.Option("--private", help="Visible to members only. Requires --owner.")
    ] = False,
    owner: Annotated[str | None, typer.Option(help="Username of the owner.")] = None,
) -> None:
    """Create a room."""
    kind = Kind.PRIVATE if private else Kind.PUBLIC
    run_admin(lambda backend: backend.rooms.add(name, title, kind, owner))
    print(f"Created the room {name.lower()}.")


def list_all(as_json: AsJson = False) -> None:
    """List all rooms by name: how many members and events each has, not its messages."""
    from .commands.listing import list_rooms

    run_admin(lambda backend: list_rooms(backend, print, as_json=as_json))


def retention(
    name: RoomName,
    days: Annotated[
        int | None, typer.Option(min=1, help="Keep the events of this many days.")
    ] = None,
    events: Annotated[int | None, typer.Option(min=1, help="Keep this many events.")] = None,
    off: Annotated[bool, typer.Option("--off", help="Keep all events.")] = False,
    drop_pinned: Annotated[
        bool,
        typer.Option("--drop-pinned", help="Remove old messages even if they are pinned."),
    ] = False,
) -> None:
    """
    Set how long a room keeps events. Removed events can't be restored.

    Pinned messages are kept until they are unpinned.
    """
    if sum((days is not None, events is not None, off)) != 1:
        raise Misuse("Give exactly one of --days, --events and --off.")
    if off and drop_pinned:
        raise Misuse("--drop-pinned goes with --days or --events.")
    run_admin(
        lambda backend: backend.rooms.set_retention(
            name, days=days, events=events, keep_pinned=not drop_pinned
        )
    )
    kept = "all events" if off else f"the events of {days} days" if days else f"{events} events"
    pinned = "" if off or drop_pinned else ", and pinned messages"
    print(f"{name.lower()} keeps {kept}{pinned}.")
