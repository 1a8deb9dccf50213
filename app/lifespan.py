"""Opening the parts of a server in order, running its tasks, closing all in reverse."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from app.broker.base import MemoryBroker
from app.config.server_url import local_url
from app.config.settings import Settings, resolve_secret
from app.domain import limits
from app.domain.errors import Unavailable
from app.observability.logs import event
from app.runtime import Runtime
from app.services.accounts.logins import Logins
from app.services.log.committer import Committer
from app.store import epoch as epoch_store
from app.store.opening import open_database

log = logging.getLogger("parley.runtime")


@asynccontextmanager
async def open_runtime(settings: Settings) -> AsyncIterator[Runtime]:
    """
    Open a server's parts; close them, in reverse, at the end.

    Raises:
        StoreError: If the database can't be used.
        SettingsError: If there is no secret.

    """
    resolve_secret(settings)
    where = settings.database
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(
            open_database(
                where.kind,
                where.url,
                where.path,
                address=local_url(settings.host, settings.port),
                migrate=where.kind == "sqlite",
            )
        )
        epoch = await database.read(epoch_store.read)
        runtime = Runtime(settings, database, epoch, broker=MemoryBroker())
        await stack.enter_async_context(running(runtime))
        event(log, logging.INFO, "server.started", database=where.shown)
        yield runtime
        event(log, logging.INFO, "server.stopped")


@asynccontextmanager
async def running(runtime: Runtime) -> AsyncIterator[None]:
    """Run the tasks of a runtime; what was queued is committed before this returns."""
    async with AsyncExitStack() as stack:
        stack.callback(runtime.passwords.close)
        stack.push_async_callback(runtime.session_revoker.close)
        stack.push_async_callback(runtime.admin_service.close)
        stack.push_async_callback(runtime.transactions.close)
        stack.push_async_callback(runtime.erasures.close)
        stack.push_async_callback(runtime.authenticator.close)
        stack.push_async_callback(runtime.feed.close)
        stack.callback(runtime.activity.close)
        stack.callback(runtime.presence.close)
        stack.callback(runtime.typing.close)
        committing = asyncio.create_task(runtime.committer.run(), name="committer")
        stack.push_async_callback(partial(_finish, runtime.committer, committing))
        await runtime.broker.open(runtime.on_notification)
        stack.push_async_callback(runtime.broker.close)
        sweeping = asyncio.create_task(_sweep(runtime.logins), name="sweeper")
        stack.callback(sweeping.cancel)
        tending = (runtime.retention.run(), runtime.erasures.run(), runtime.indexer.run())
        for task in tending:
            stack.callback(asyncio.create_task(task, name="tending").cancel)
        if runtime.database.shared:
            polling = asyncio.create_task(runtime.poller.run(), name="poller")
            stack.callback(polling.cancel)
        yield


async def _finish(committer: Committer, committing: asyncio.Task[None]) -> None:
    committer.close()
    await committing


async def _sweep(logins: Logins) -> None:
    """Now and then, forget log-ins that ended long ago."""
    while True:
        await asyncio.sleep(limits.SWEEP_SECONDS)
        try:
            await logins.sweep()
        except Unavailable:
            log.warning("logins.not_swept")
