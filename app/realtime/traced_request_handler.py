"""A request handler that traces: imported only with ``TRACES=on``, so that others pay nothing."""

from collections.abc import Callable
from functools import partial
from typing import Any

from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer, get_current_span, use_span

from ..domain.errors import ParleyError
from ..domain.ids import RoomId
from ..services.log.batch_transaction import AppendResult
from .append_requests import AppendRequest
from .request_handler import RequestHandler, Work


class TracedRequestHandler(RequestHandler):
    """
    Begins a trace with each frame that asks for an append, and ends its span with the reply.

    Other frames are not traced: nothing of them waits for the log.
    """

    def __init__(self, tracer: Tracer, *handler: Any, **callbacks: Any) -> None:
        super().__init__(*handler, **callbacks)
        self._tracer = tracer
        # The span of the last append that was submitted.
        self._submitted: Span | None = None

    def _append(self, request: AppendRequest) -> Work | None:
        name = f"ws {request.type}"
        span = self._tracer.start_span(name, context=Context(), kind=SpanKind.SERVER)
        with use_span(span, end_on_exit=False):
            try:
                work = super()._append(request)
            except ParleyError as exc:
                _end(span, exc)
                raise
        return None if work is None else partial(self._in_turn, span, work)

    async def _in_turn(self, span: Span, work: Work) -> None:
        with use_span(span, end_on_exit=False):
            await work()
        # Requests are handled one after the other. An error has been replied already.
        if self._submitted is not span:
            span.set_status(StatusCode.ERROR)
            span.end()

    def _submit(self, request: AppendRequest, room: RoomId) -> None:
        super()._submit(request, room)
        self._submitted = get_current_span()

    def _result_of(self, re: str | None) -> Callable[[AppendResult], None]:
        span, reply = get_current_span(), super()._result_of(re)

        def on_result(outcome: AppendResult) -> None:
            reply(outcome)
            _end(span, outcome)

        return on_result


def _end(span: Span, outcome: AppendResult) -> None:
    if isinstance(outcome, ParleyError):
        span.set_attribute("error.type", outcome.code)
        span.set_status(StatusCode.ERROR)
    span.end()
