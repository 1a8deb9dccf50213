"""A span for each HTTP request: used only with ``TRACES=on``, so that others pay nothing."""

from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.datastructures import State

from .http_counts import METHODS, route_of
from .middleware import Asgi, Message, Receive, Scope, Send

_PROPAGATOR = TraceContextTextMapPropagator()
_CONTEXT_HEADERS = (b"traceparent", b"tracestate")


class HttpTraces:
    """
    Middleware. A request with a ``traceparent`` goes on with that trace.

    FastAPI's own telemetry does not see the requests that bypass it, and exports queries, which
    have the words of searches. Of a URL, only the route's template is exported here.

    Args:
        state: Of the app, whose ``runtime`` is open when a request comes.

    """

    def __init__(self, app: Asgi, state: State) -> None:
        self._app = app
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        given = {
            name.decode(): value.decode("latin-1")
            for name, value in scope["headers"]
            if name in _CONTEXT_HEADERS
        }
        method = scope["method"] if scope["method"] in METHODS else "_OTHER"
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with self._state.runtime.tracer.start_as_current_span(
            method,
            context=_PROPAGATOR.extract(given),
            kind=SpanKind.SERVER,
            attributes={"http.request.method": method},
            # Its text may be what a user wrote.
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                await self._app(scope, receive, answer)
            finally:
                route = route_of(scope)
                span.update_name(f"{method} {route}")
                span.set_attribute("http.route", route)
                span.set_attribute("http.response.status_code", status)
                if status >= 500 or not status:
                    span.set_status(StatusCode.ERROR)
