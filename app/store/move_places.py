"""The addresses between which a move goes: what is there, and opening it."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal, Protocol

from ..domain.server_limits import LOCK_WAIT_SECONDS
from . import move_state
from .database import Database
from .move_state import Found
from .offline import read_any_schema
from .opening import open_database
from .postgres_exclusion import MoveName


class Place(Protocol):
    """An address of a database; :class:`~app.config.database_url.DatabaseUrl`."""

    @property
    def kind(self) -> Literal["sqlite", "postgresql"]: ...

    @property
    def url(self) -> str: ...

    @property
    def path(self) -> Path | None: ...

    @property
    def shown(self) -> str:
        """The URL without user and password."""
        ...

    @property
    def in_memory(self) -> bool: ...


def refusal(source: Place, target: Place) -> str | None:
    """Return why nothing can be moved from one to the other, whatever is there; None if it can."""
    if source.in_memory or target.in_memory:
        return "A database in memory can't be moved, and nothing can be moved to one."
    if source.path is not None and target.path is not None:
        same = os.path.realpath(source.path) == os.path.realpath(target.path)
    else:
        same = source.url == target.url
    return f"--to: {target.shown} is the database itself. Name another one." if same else None


async def look(target: Place) -> tuple[Found, str | None]:
    """
    Return what is at the target, which is not made by looking, and its epoch.

    Raises:
        StoreError: If it can't be read.

    """
    path = target.path
    if path is not None and not (path.exists() and path.stat().st_size):
        return Found.EMPTY, None
    return await read_any_schema(target.url, path, move_state.look)


@asynccontextmanager
async def open_place(
    place: Place, name: MoveName, *, migrate: bool = False
) -> AsyncIterator[Database]:
    """
    Open a database for a move, until the block ends.

    Raises:
        Locked: If a server or another command is using it.
        StoreError: If it can't be used.

    """
    url = name.url(place.url) if place.kind == "postgresql" else place.url
    async with open_database(
        place.kind, url, place.path, migrate=migrate, moving=True, wait=LOCK_WAIT_SECONDS
    ) as database:
        yield database
