"""How a command runs: with the settings of the environment, and an event loop of its own."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from ..config.settings import Settings
    from .admin_backend import AdminBackend

T = TypeVar("T")


def settings() -> "Settings":
    """
    Read the settings, and silence the log: a command prints its own result and its own error.

    Raises:
        SettingsError: If one is invalid.

    """
    from ..config.settings import read_settings
    from ..observability.logs import configure

    found = read_settings()
    configure("critical", found.log_format)
    return found


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run it to its end, and return its result."""
    return asyncio.run(coroutine)


def run_admin(action: Callable[["AdminBackend"], Awaitable[T]]) -> T:
    """Run an action of an operator, in this process or in the server that has the database."""
    from .admin_backend import open_admin

    chosen = settings()

    async def act() -> T:
        async with open_admin(chosen) as admin:
            return await action(admin)

    return run(act())
