"""``parley move``: everything of a stopped server into another database."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ..config.database_url import DatabaseUrl
from ..config.settings import Settings
from ..domain.errors import Unavailable
from ..domain.server_limits import LOCK_WAIT_SECONDS
from ..store import epoch, move_state
from ..store.damage import Damaged
from ..store.errors import StoreError, display_name, reason
from ..store.move import Moved, Side
from ..store.move import move as move_all
from ..store.move_state import Found
from ..store.offline import read_any_schema
from ..store.opening import open_database
from ..store.postgres_exclusion import MoveName
from .exit_codes import CommandError, Misuse


async def move(settings: Settings, to: str) -> str:
    """
    Move the database to the URL ``to``, and leave the old one unusable; returns a line to print.

    Raises:
        Misuse: If one of the two is in memory, or ``to`` is no URL of a database, or the same.
        Locked: If a server or another command is using one of them.
        StoreError: If the target is not empty, the source has an older schema, or one of them
            can't be used. The source can then be served as before, unless an earlier run had
            marked it as moved.
        CommandError: If the source was moved already.

    """
    source, target = settings.database, _parse(to)
    if source.in_memory or target.in_memory:
        raise Misuse("A database in memory can't be moved, and nothing can be moved to one.")
    if source.path is not None and not source.path.is_file():
        raise StoreError(f"There is no database at {source.path}.")
    if _is_same(source, target):
        raise Misuse(f"--to: {target.shown} is the database itself. Name another one.")
    name = MoveName()
    async with _open(source, name) as from_:
        found = await _look(target)
        moved_to = await from_.database.read(move_state.moved_to)
        if moved_to is not None and found[0] is not Found.MOVING:
            raise CommandError(f"{source.shown} was moved to {moved_to} already.")
        move_state.refuse(*found, await from_.database.read(epoch.read), target.url)
        async with _open(target, name, migrate=True) as to_:
            moved = await _move(from_, to_, name, target.shown)
    return (
        f"Moved {moved.rooms:,} rooms and {moved.events:,} events from {source.shown} to "
        f"{target.shown}. Set DATABASE_URL to it, and start the server."
    )


async def _move(from_: Side, to: Side, name: MoveName, shown: str) -> Moved:
    try:
        return await move_all(from_, to, name, to=shown)
    except Damaged as exc:
        raise StoreError(f"{display_name(from_.url)} is damaged: {exc.what}.") from exc
    except Unavailable as exc:
        raise StoreError(
            f"The move was interrupted: {reason(exc.__cause__)}. Run it again to go on."
        ) from exc


async def _look(target: DatabaseUrl) -> tuple[Found, str | None]:
    """What is at the target, which is not made by looking."""
    path = target.path
    if path is not None and not (path.exists() and path.stat().st_size):
        return Found.EMPTY, None
    return await read_any_schema(target.url, path, move_state.look)


def _parse(to: str) -> DatabaseUrl:
    try:
        return DatabaseUrl.parse(to)
    except ValueError as exc:
        raise Misuse(f"--to: {exc}.") from None


def _is_same(source: DatabaseUrl, target: DatabaseUrl) -> bool:
    if source.path is not None and target.path is not None:
        return os.path.realpath(source.path) == os.path.realpath(target.path)
    return source.url == target.url


@asynccontextmanager
async def _open(
    where: DatabaseUrl, name: MoveName, *, migrate: bool = False
) -> AsyncIterator[Side]:
    url = name.url(where.url) if where.kind == "postgresql" else where.url
    async with open_database(
        where.kind, url, where.path, migrate=migrate, moving=True, wait=LOCK_WAIT_SECONDS
    ) as database:
        yield Side(database, where.url)
