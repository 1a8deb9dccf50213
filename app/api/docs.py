"""
The pages that a browser opens: the web client at ``/``, Swagger UI at ``/docs``.

Everything they load comes from this server, so both work without a network,
and a strict Content-Security-Policy makes the browser enforce that: no inline
scripts, no other hosts, no framing. Swagger UI's files come from the package
fastapi-offline, the web client's from ``app/web``.
"""

from collections.abc import Collection, Mapping
from importlib.resources import files
from os import stat_result
from pathlib import PurePath
from typing import Final

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from .. import web

# For responses that are data. A browser that is tricked into rendering one as a
# page can load and run nothing.
API_CSP: Final = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

# For the web client. 'self' covers the WebSocket of the same origin (CSP 3).
# Trusted types make the browser reject innerHTML and similar sinks.
PAGE_CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)

# Swagger UI sets style attributes and builds its page from markup.
SWAGGER_CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)

# For every response.
SECURITY_HEADERS: Final[Mapping[str, str]] = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

# Revalidate each time: a new version shows at the first reload, and an
# unchanged file costs a 304.
_CACHING = "no-cache"

# Set explicitly: the system's MIME table differs between machines, and browsers
# reject modules that are not served as JavaScript.
_MEDIA_TYPES: Final[Mapping[str, str]] = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

# What pages load. The pages themselves have paths of their own.
_ASSETS: Final = frozenset({".css", ".js", ".svg"})

# The package's other files, Redoc and a logo, are not needed.
_SWAGGER: Final = frozenset({"swagger-ui-bundle.js", "swagger-ui.css"})


def install(app: FastAPI) -> None:
    """
    Add the pages and their files to ``app``; Swagger UI only if it has an ``openapi_url``.

    Create the app with ``docs_url=None, redoc_url=None``: FastAPI's own pages load
    files from other hosts, and would take precedence.
    """
    ours = {file.name for file in files(web).iterdir() if _suffix(file.name) in _ASSETS}
    _add_page(app, "/", "index.html", csp=PAGE_CSP)
    app.mount("/web", _Files(web.__name__, ".", ours, csp=PAGE_CSP))
    if app.openapi_url is not None:
        _add_page(app, "/docs", "docs.html", csp=SWAGGER_CSP)
        app.mount("/docs/assets", _Files("fastapi_offline", "static", _SWAGGER, csp=SWAGGER_CSP))


def _add_page(app: FastAPI, path: str, file: str, *, csp: str) -> None:
    pages = _Files(web.__name__, ".", {file}, csp=csp)

    async def page(request: Request) -> Response:
        return await pages.get_response(file, request.scope)

    app.add_route(path, page, methods=["GET"], include_in_schema=False)


class _Files(StaticFiles):
    """Serves the named files of a package with our headers; any other file is 404."""

    def __init__(self, package: str, folder: str, names: Collection[str], *, csp: str) -> None:
        super().__init__(packages=[(package, folder)])
        self._names = frozenset(names)
        self._headers = {
            **SECURITY_HEADERS,
            "Cache-Control": _CACHING,
            "Content-Security-Policy": csp,
        }

    def lookup_path(self, path: str) -> tuple[str, stat_result | None]:
        if path not in self._names:
            return "", None
        return super().lookup_path(path)

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(self._headers)
        if "Content-Type" in response.headers:
            response.headers["Content-Type"] = _MEDIA_TYPES[_suffix(path)]
        return response


def _suffix(name: str) -> str:
    return PurePath(name).suffix
