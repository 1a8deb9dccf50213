"""
``parley move``: everything into another database.

If no server has the database, this process copies it; else the server does, and this process asks
for it over the admin API.
"""

import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from ..config.database_url import DatabaseUrl
from ..config.server_url import local_url
from ..config.settings import Settings, resolve_secret
from ..domain.errors import Unavailable
from ..domain.ids import Millis
from ..security.access_tokens import AccessTokens
from ..store import epoch, move_state
from ..store.damage import Damaged
from ..store.database import Database
from ..store.errors import Locked, StoreError, display_name, reason
from ..store.move import Moved, Side
from ..store.move import move as move_all
from ..store.move_places import look, open_place, refusal
from ..store.move_state import Found
from ..store.postgres_exclusion import InUse, MoveName
from ..wire.admin import MoveLine
from .counted import counted
from .exit_codes import CommandError, Misuse
from .remote_admin import NotReachable, RemoteAdmin

# A line for each such part of the events.
_STEP_PERCENT = 10


async def move(settings: Settings, to: str, on_progress: Callable[[str], None]) -> str:
    """
    Move the database to the URL ``to``, and leave the old one unusable; returns a line to print.

    Args:
        on_progress: Called with how far the move is, while a server carries it out.

    Raises:
        Misuse: If one of the two is in memory, or ``to`` is no URL of a database, or the same.
        Locked: If another command is using one of them, or a server the target.
        StoreError: If the target is not empty, the source has an older schema, or one of them
            can't be used. The source can then be served as before, unless an earlier run had
            marked it as moved.
        CommandError: If the source was moved already, or the server that has it refuses.

    """
    source, target = settings.database, _parse(to)
    if (why := refusal(source, target)) is not None:
        raise Misuse(why)
    if source.path is not None and not source.path.is_file():
        raise StoreError(f"There is no database at {source.path}.")
    name = MoveName()
    failure: StoreError
    try:
        return await _move_here(open_place(source, name), source, target, name)
    except Locked as exc:
        if source.path is None or not exc.is_of(source.path) or exc.holder.url is None:
            raise
        server, failure = exc.holder.url, exc
    except InUse as exc:
        if exc.url != source.url:
            raise
        # No file says where its nodes are: one that has the settings of this command is asked.
        server, failure = local_url(settings.host, settings.port), exc
    return await _ask(settings, server, failure, target, source, on_progress)


async def _move_here(
    opening: AbstractAsyncContextManager[Database],
    source: DatabaseUrl,
    target: DatabaseUrl,
    name: MoveName,
) -> str:
    async with opening as opened:
        from_ = Side(opened, source.url)
        await opened.read(lambda connection: name.refuse_others(connection, source.url))
        found = await look(target)
        moved_to = await opened.read(move_state.moved_to)
        if moved_to is not None and found[0] is not Found.MOVING:
            raise CommandError(f"{source.shown} was moved to {moved_to} already.")
        move_state.refuse(*found, await opened.read(epoch.read), target.url)
        async with open_place(target, name, migrate=True) as to_:
            moved = await _copy(from_, Side(to_, target.url), name, target.shown)
    return (
        f"Moved {counted(moved.rooms, 'room')} and {counted(moved.events, 'event')} from "
        f"{source.shown} to {target.shown}. Set DATABASE_URL to it, and start the server."
    )


async def _copy(from_: Side, to: Side, name: MoveName, shown: str) -> Moved:
    try:
        return await move_all(from_, to, name, to=shown)
    except Damaged as exc:
        raise StoreError(f"{display_name(from_.url)} is damaged: {exc.what}.") from exc
    except Unavailable as exc:
        raise StoreError(
            f"The move was interrupted: {reason(exc.__cause__)}. Run it again to go on."
        ) from exc


async def _ask(
    settings: Settings,
    server: str,
    failure: StoreError,
    target: DatabaseUrl,
    source: DatabaseUrl,
    on_progress: Callable[[str], None],
) -> str:
    """Let the server at a URL move its database."""
    secret = resolve_secret(settings).get_secret_value()
    tokens = AccessTokens(secret, [], settings.access_token_minutes)
    try:
        async with RemoteAdmin.connect(server, tokens.operator(_now())) as remote:
            last = MoveLine(state="failed", detail=f"The server at {server} said nothing.")
            shown = ""
            async for last in remote.move(target.url):
                if last.state not in ("moved", "failed") and shown != (now := progress(last)):
                    on_progress(shown := now)
    except NotReachable:
        raise failure from None
    if last.state != "moved":
        raise CommandError(last.detail or f"The server at {server} has not said how it ended.")
    return (
        f"Moved {counted(last.rooms or 0, 'room')} and {counted(last.events or 0, 'event')} from "
        f"{source.shown} to {target.shown}, while the server ran: writers were refused for "
        f"{last.refused_ms} ms. It is stopping. Set DATABASE_URL to the new database, and start "
        "the server."
    )


def progress(line: MoveLine) -> str:
    """How far a move is, for people."""
    if line.state != "copying":
        return f"{line.state.capitalize()} …"
    if not line.events:
        # Not counted yet; or there are none.
        return "Copying …"
    share = 100 * (line.copied or 0) // line.events
    percent = share // _STEP_PERCENT * _STEP_PERCENT
    return f"Copying: {percent} % of {counted(line.events, 'event')}"


def _now() -> Millis:
    return Millis(time.time_ns() // 1_000_000)


def _parse(to: str) -> DatabaseUrl:
    try:
        return DatabaseUrl.parse(to)
    except ValueError as exc:
        raise Misuse(f"--to: {exc}.") from None
