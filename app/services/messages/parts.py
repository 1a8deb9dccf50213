"""The parts of the messages package, and how they are opened."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from ...broker.send_rates import SendRates
from ...domain import limits as defaults
from ...domain.ids import Millis
from ...domain.token_bucket import UserTokenBuckets
from ...store.database import Database
from ..log.parts import LogParts
from ..log.writer_pacing import WriterPacing
from ..rooms.room_directory import RoomDirectory
from .history import History
from .message_pages import MessagePages
from .messages import Messages
from .purger import Purger
from .search import Search
from .search_indexer import SearchIndexer
from .search_rebuilder import SearchRebuilder
from .send_rate_exchange import SendRateExchange
from .shared_search_indexer import SharedSearchIndexer


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageLimits:
    """Settings, and limits with their defaults from :mod:`app.domain.limits`. 0: no limit."""

    sends_per_second: float
    send_burst: float
    kept_page_bytes: int = defaults.KEPT_PAGE_BYTES
    kept_pages_bytes: int = defaults.KEPT_PAGES_BYTES
    index_seconds: float = defaults.INDEX_SECONDS
    index_idle_wait_seconds: float = defaults.INDEX_IDLE_WAIT_SECONDS
    purge_seconds: float = defaults.PURGE_SECONDS
    max_unindexed_ranges: int = defaults.MAX_UNINDEXED_RANGES


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageParts:
    """Sending, reading and searching messages."""

    send_buckets: UserTokenBuckets
    messages: Messages
    message_pages: MessagePages
    history: History
    indexer: SearchIndexer | SharedSearchIndexer
    search: Search
    purger: Purger


@asynccontextmanager
async def open_messages(
    database: Database,
    log: LogParts,
    directory: RoomDirectory,
    *,
    pacing: WriterPacing,
    limits: MessageLimits,
    send_rates: SendRates | None,
    now: Callable[[], Millis],
) -> AsyncIterator[MessageParts]:
    """
    Keep the search index up to date until the block ends.

    Args:
        send_rates: Of all nodes; None: each node has its own.

    """
    send_buckets = UserTokenBuckets(
        limits.sends_per_second, limits.send_burst, note_spent=send_rates is not None
    )
    indexer: SearchIndexer | SharedSearchIndexer
    if database.shared:
        indexer = SharedSearchIndexer(database, delay_seconds=limits.index_seconds)
    else:
        indexer = SearchIndexer(
            database,
            pacing,
            delay_seconds=limits.index_seconds,
            idle_wait_seconds=limits.index_idle_wait_seconds,
            max_unindexed_ranges=limits.max_unindexed_ranges,
        )
    parts = MessageParts(
        send_buckets=send_buckets,
        messages=Messages(
            database, committer=log.committer, directory=directory, buckets=send_buckets, now=now
        ),
        message_pages=MessagePages(
            database,
            directory=directory,
            epoch=log.epoch,
            now=now,
            kept_page_bytes=limits.kept_page_bytes,
            kept_pages_bytes=limits.kept_pages_bytes,
        ),
        history=History(database, directory=directory, epoch=log.epoch, now=now),
        indexer=indexer,
        search=Search(database, directory=directory, indexer=indexer, now=now),
        purger=Purger(database, delay_seconds=limits.purge_seconds),
    )
    tasks = []
    if send_rates is not None:
        exchange = SendRateExchange(send_buckets, send_rates)
        tasks.append(asyncio.create_task(exchange.run(), name="send-rates"))
    rebuilder = SearchRebuilder(database, delay_seconds=limits.index_seconds)
    tasks += [
        asyncio.create_task(indexer.run(), name="search-indexer"),
        asyncio.create_task(parts.purger.run(), name="purger"),
        asyncio.create_task(rebuilder.run(), name="search-rebuilder"),
    ]
    try:
        with (
            log.seams.on_committed.connected(indexer.on_committed),
            log.seams.on_committed.connected(parts.purger.on_committed),
            log.seams.on_log_trimmed.connected(parts.purger.on_log_trimmed),
            log.seams.on_names_changed.connected(parts.message_pages.on_names_changed),
        ):
            yield parts
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await parts.purger.close()
