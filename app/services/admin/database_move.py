"""Moving the database of this server to another one, while it serves."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial

from ...domain.errors import Conflict, Unavailable
from ...domain.ids import Millis
from ...domain.server_limits import MOVE_PROGRESS_SECONDS
from ...observability.logs import event
from ...store import epoch, move_state
from ...store.audit import AuditRecord
from ...store.damage import Damaged
from ...store.database import Database
from ...store.errors import StoreError, reason
from ...store.live_move import LiveMove, LiveProgress
from ...store.move_places import Place, look, open_place, refusal
from ...store.postgres_exclusion import MoveName
from ...store.write_gate import WriteGate
from ...wire.admin import MoveLine

log = logging.getLogger("parley.server")

_INTERRUPTED = "{reason}. The server goes on with its database; run the move again."


class DatabaseMove:
    """
    The move of one server's database. Used in the event loop.

    Args:
        gate: What everything in this server writes through.
        source: Where its database is.
        parse: Reads the address of a target; raises ``ValueError``.
        other_nodes: How many other servers use the database.

    """

    def __init__(
        self,
        gate: WriteGate,
        source: Place,
        *,
        parse: Callable[[str], Place],
        other_nodes: Callable[[], Awaitable[int]],
        now: Callable[[], Millis],
    ) -> None:
        self._gate = gate
        self._source = source
        self._parse = parse
        self._other_nodes = other_nodes
        self._now = now
        self._running: asyncio.Task[MoveLine] | None = None
        self._move: LiveMove | None = None
        self.ended = asyncio.Event()
        """Set when the database was moved: this server has nothing more to do than to drain."""

    def begin(self, to: str) -> AsyncIterator[MoveLine]:
        """
        Move everything to the URL ``to``; yield how far it is, and at last its outcome.

        Until it switches, closing the iterator cancels the move, and the server goes on.

        Raises:
            Conflict: If it is being moved already, or was.

        """
        if self._running is not None or self.ended.is_set():
            raise Conflict("The database is being moved already.")
        # A task of its own: who reads the lines may be cancelled again and again.
        self._running = asyncio.create_task(self._run(to), name="move")
        self._running.add_done_callback(self._note_end)
        return self._lines(self._running)

    async def close(self) -> None:
        """Give up the move that is running, unless it switches, and wait for its end."""
        if (running := self._running) is not None:
            self._give_up(running)
            await asyncio.wait((running,))

    async def _lines(self, running: "asyncio.Task[MoveLine]") -> AsyncIterator[MoveLine]:
        try:
            while not (await asyncio.wait((running,), timeout=MOVE_PROGRESS_SECONDS))[0]:
                yield _progress(self._move)
            yield running.result()
        finally:
            self._give_up(running)

    def _give_up(self, running: "asyncio.Task[MoveLine]") -> None:
        # A switch is over within seconds, and is not left half-done.
        if self._move is None or not self._move.is_switching:
            running.cancel()

    async def _run(self, to: str) -> MoveLine:
        """Move, and return the last line."""
        shown = ""
        try:
            async with AsyncExitStack() as stack:
                target = self._target(to)
                shown = target.shown
                self._move = await self._prepared(target, stack)
                moved = await self._move.run()
            line = MoveLine(
                state="moved",
                to=shown,
                rooms=moved.rooms,
                events=moved.events,
                changes=moved.changes,
                refused_ms=round(moved.refused_seconds * 1_000),
            )
            facts = line.model_dump(include={"to", "events", "changes", "refused_ms"})
            event(log, logging.INFO, "move.ended", **facts)
            return line
        except asyncio.CancelledError:
            event(log, logging.WARNING, "move.cancelled", to=shown)
            raise
        except (StoreError, Unavailable, Damaged) as exc:
            event(log, logging.ERROR, "move.failed", to=shown, error=_detail(exc))
            return MoveLine(state="failed", detail=_detail(exc))
        except Exception as exc:  # the root of a task: a bug of ours, reported to the command
            log.exception("move.bug")
            return MoveLine(state="failed", detail=_detail(exc))

    def _note_end(self, _: object) -> None:
        self._running = self._move = None
        if self._gate.is_shut_for_good:
            self.ended.set()

    def _target(self, to: str) -> Place:
        try:
            target = self._parse(to)
        except ValueError as exc:
            raise StoreError(f"--to: {exc}.") from None
        if (why := refusal(self._source, target)) is not None:
            raise StoreError(why)
        return target

    async def _prepared(self, target: Place, stack: AsyncExitStack) -> LiveMove:
        if others := await self._other_nodes():
            raise StoreError(
                f"{others} other nodes use {self._source.shown}. Stop all nodes but one first."
            )
        name = MoveName()
        found, history = await look(target), await self._gate.read(epoch.read)
        move_state.refuse(*found, history, target.url)
        source: Database = self._gate.database
        if self._source.kind == "postgresql":
            # Connections of its own, whose transactions may take long.
            source = await stack.enter_async_context(open_place(self._source, name))
            await source.read(name.refuse_moves)
        to = await stack.enter_async_context(open_place(target, name, migrate=True))
        await to.read(partial(name.refuse_others, url=target.url))
        event(log, logging.INFO, "move.began", to=target.shown)
        return LiveMove(
            self._gate,
            source,
            to,
            to=target.shown,
            target_url=target.url,
            record=AuditRecord(self._now(), None, "database.move", target.shown),
        )


def _progress(move: LiveMove | None) -> MoveLine:
    at = LiveProgress("copying", 0, 0) if move is None else move.progress
    return MoveLine(state=at.state, copied=at.copied, events=max(at.events, at.copied))


def _detail(exc: BaseException) -> str:
    if isinstance(exc, StoreError):
        return str(exc)
    if isinstance(exc, Damaged):
        return _INTERRUPTED.format(reason=f"The database is damaged: {exc.what}")
    if isinstance(exc, Unavailable):
        return _INTERRUPTED.format(reason=f"The move was interrupted: {reason(exc.__cause__)}")
    return _INTERRUPTED.format(reason="The move failed by a fault of Parley, which is in its log")
