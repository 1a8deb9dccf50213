"""A committer that traces: imported only with ``TRACES=on``, so that others pay nothing."""

from collections.abc import Callable
from typing import Any

from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, StatusCode, Tracer, set_span_in_context

from ...domain.appends import Append
from ...domain.errors import ParleyError
from ...store.database import Database
from .batch_transaction import AppendResult
from .committer import Committer
from .locked_rooms import Queued


class TracedCommitter(Committer):
    """
    Adds a span to each append, from the queue to its result, and one to each batch.

    An append's span is a child of the current one: of the frame or request that asked for it. The
    commit of a lone append is a child of the append; that of several belongs to none of their
    traces, and is linked with each of them, and each with it. Appends to rooms that are locked
    elsewhere have no span of a commit.
    """

    def __init__(self, tracer: Tracer, database: Database, **committer: Any) -> None:
        super().__init__(database, **committer)
        self._tracer = tracer

    def submit(self, append: Append, on_result: Callable[[AppendResult], None]) -> None:
        """Queue an append, as every committer does."""
        span = self._tracer.start_span(
            "append",
            attributes={
                "parley.append": type(append).__name__,
                "parley.room_id": int(append.room),
            },
        )
        try:
            super().submit(append, _TracedResult(span, on_result))
        except ParleyError as exc:
            end_with(span, exc)
            raise

    async def _commit(self, batch: list[Queued], since: float | None) -> None:
        spans = [result.span for _, result in batch if isinstance(result, _TracedResult)]
        sampled = [span for span in spans if span.is_recording()]
        if not sampled:
            await super()._commit(batch, since)
            return
        is_lone = len(batch) == 1
        failed = self.failed_commits
        with self._tracer.start_as_current_span(
            "commit",
            context=set_span_in_context(sampled[0]) if is_lone else Context(),
            links=[] if is_lone else [Link(span.get_span_context()) for span in sampled],
            attributes={"parley.appends": len(batch)},
        ) as commit:
            if not is_lone:
                for span in sampled:
                    span.add_link(commit.get_span_context())
            await super()._commit(batch, since)
            if self.failed_commits > failed:
                commit.set_status(StatusCode.ERROR)


class _TracedResult:
    """Ends an append's span when it has its result, and passes that on."""

    __slots__ = ("_on_result", "span")

    def __init__(self, span: Span, on_result: Callable[[AppendResult], None]) -> None:
        self.span = span
        self._on_result = on_result

    def __call__(self, outcome: AppendResult) -> None:
        end_with(self.span, outcome)
        self._on_result(outcome)


def end_with(span: Span, outcome: AppendResult) -> None:
    """End a span with what became of its append."""
    if isinstance(outcome, ParleyError):
        span.set_attribute("error.type", outcome.code)
        span.set_status(StatusCode.ERROR)
    else:
        span.set_attribute("parley.seq", outcome.seq)
    span.end()
