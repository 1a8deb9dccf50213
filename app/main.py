"""The ASGI app: ``create_app`` creates one, and ``app`` is that of ``uvicorn app.main:app``."""

import logging
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.middleware.body_limit import RequestBodyLimitMiddleware

from .api import (
    admin,
    admin_move,
    admin_rooms,
    asyncapi,
    auth,
    blocks,
    docs,
    error_pages,
    events,
    health,
    invites,
    marks,
    members,
    messages,
    metrics,
    openapi,
    problems,
    rooms,
    search,
    upgrades,
    users,
)
from .api.fast_path import FastPaths
from .api.head import HeadAsGet
from .api.http_counts import HttpCounts
from .api.middleware import Asgi, Requests
from .api.not_started import NotStarted
from .api.origins import Origins
from .config.settings import Settings, read_settings
from .domain.connection_limits import MAX_BODY_BYTES
from .observability.logs import event
from .realtime.socket import websocket
from .runtime import Runtime, open_server
from .version import VERSION

log = logging.getLogger("parley.server")


class App(FastAPI):
    """
    FastAPI for HTTP. WebSockets bypass it, and so do the most frequent requests.

    FastAPI's middleware and routing would stay on the stack of every open socket, which needs
    neither: 5 KiB and 0.1 ms each.

    Args:
        allowed_origins: Those whose pages may read answers.
        fast_paths: Whether frequent requests bypass FastAPI. Middleware that is added to this
            app doesn't see them then; middleware of a host around a mounted app does.
        http_counts: What every HTTP request is added to.
        traces: Whether every HTTP request is traced.

    """

    def __init__(
        self,
        *,
        allowed_origins: Collection[str],
        fast_paths: bool,
        http_counts: HttpCounts,
        traces: bool,
        **fastapi: Any,
    ) -> None:
        super().__init__(**fastapi)
        self._not_started = NotStarted()
        # Around FastAPI, not inside of it: its middleware takes 12 µs for nothing here.
        self._http: Asgi = super().__call__
        if fast_paths:
            self._http = FastPaths(self._http, self.state)
        if allowed_origins:
            # Outside of everything that can answer, so that a page can read every error.
            self._http = Origins(self._http, allowed=allowed_origins)
        if traces:
            # Needs the extra "otel".
            from .api.http_traces import HttpTraces

            self._http = HttpTraces(self._http, self.state)
        self._http = Requests(self._http, http_counts)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one connection."""
        kind = scope["type"]
        runtime: Runtime | None = getattr(self.state, "runtime", None)
        if runtime is None and kind != "lifespan":
            await self._not_started(scope, receive, send)
        elif runtime is not None and kind == "websocket":
            await websocket(runtime.sockets, scope, receive, send)
        elif kind == "http":
            await self._http(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def create_app(settings: Settings, *, fast_paths: bool = True) -> FastAPI:
    """
    Create an app with a runtime of its own, which opens when the app starts.

    A host that mounts it must enter its lifespan, because Starlette runs only the host's own::

        chat = create_app(settings)

        @asynccontextmanager
        async def lifespan(app):
            async with chat.router.lifespan_context(chat):
                yield

        host = FastAPI(lifespan=lifespan)
        host.mount("/chat", chat)

    Args:
        fast_paths: See :class:`App`.

    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_server(settings) as runtime:
            # On the app: scope["state"] is the host's where this app is mounted.
            app.state.runtime = runtime
            try:
                yield
            finally:
                del app.state.runtime

    http_counts = HttpCounts()
    app = App(
        allowed_origins=settings.allowed_origins,
        fast_paths=fast_paths,
        http_counts=http_counts,
        traces=settings.traces,
        title="Parley",
        version=VERSION,
        summary=openapi.SUMMARY,
        description=openapi.DESCRIPTION,
        openapi_tags=openapi.TAGS,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json" if settings.docs else None,
        lifespan=lifespan,
        # A redirect would repeat the Host that the client sent.
        redirect_slashes=False,
    )
    problems.install(app)
    for router in (
        health.router,
        auth.router,
        users.router,
        blocks.router,
        rooms.router,
        members.router,
        messages.router,
        marks.router,
        events.router,
        search.router,
        invites.router,
        admin.router,
        admin_rooms.router,
        admin_move.router,
        upgrades.router,
    ):
        app.include_router(router)
    docs.install(app)
    error_pages.install(app)
    openapi.install(app)
    asyncapi.install(app)
    metrics.install(app, _metrics_access(settings), http_counts)
    app.add_middleware(RequestBodyLimitMiddleware, max_body_size=MAX_BODY_BYTES)
    app.add_middleware(HeadAsGet)
    return app


def _metrics_access(settings: Settings) -> metrics.MetricsAccess:
    token = settings.metrics_token
    return metrics.MetricsAccess(
        is_open=not settings.production,
        token=None if token is None else token.get_secret_value(),
        addresses=settings.metrics_allowed_ips,
    )


def __getattr__(name: str) -> FastAPI:
    # Created on first access: importing this module reads no environment.
    if name != "app":
        raise AttributeError(name)
    made = globals()["app"] = create_app(read_settings())
    event(
        log,
        logging.WARNING,
        "server.plain",
        hint="`parley serve` adds draining, aborting of stalled peers, and the fast transport",
    )
    return made
