"""
The pages that a browser opens: the web client at ``/``, Swagger UI at ``/docs``, and the
WebSocket's frames at ``/asyncapi``.

Everything they load comes from this server, so both work without a network,
and a strict Content-Security-Policy makes the browser enforce that: no inline
scripts, no other hosts, no framing. Swagger UI's files come from the package
fastapi-offline, the web client's from ``app/web``; the JavaScript client in it
is a link. Pages of other products load ``/web/embed.js``. The manifest and the service worker
make the web client installable.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import fastapi_offline
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from .. import web
from ..domain.errors import NotFound
from . import problems
from .emoji_list import emoji_list
from .offline_shell import service_worker, versioned
from .static_files import FOR_GOOD, REVALIDATE, File, suffix, version_of, without_comments

# For responses that are data. A browser that is tricked into rendering one as a
# page can load and run nothing.
API_CSP: Final = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

# For the web client. 'self' covers the WebSocket of the same origin (CSP 3).
# Trusted types make the browser reject innerHTML and similar sinks. One policy, which can
# be created once and names one address, lets the page register its service worker.
PAGE_CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types service-worker"
)

# For the service worker, whose own policy applies to what it fetches.
WORKER_CSP: Final = (
    "default-src 'none'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'"
)

# For scripts and styles, which a browser that opens one shows as text. The pages above
# decide what they may do; a shorter header is sent with each of 70 modules.
CODE_CSP: Final = "default-src 'none'"

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

# What pages load. The pages themselves have paths of their own.
_ASSETS: Final = frozenset({".css", ".js", ".png", ".svg"})
_CODE: Final = frozenset({".css", ".js"})

_PAGES: Final = frozenset({"asyncapi.html", "docs.html", "index.html", "manifest.webmanifest"})

# The web client's styles, in the order in which they apply.
_STYLES: Final = (
    "tokens",
    "base",
    "icons",
    "layout",
    "sidebar",
    "messages",
    "composer",
    "overlays",
)

# The package's other files, Redoc and a logo, are not needed.
_SWAGGER: Final = frozenset({"swagger-ui-bundle.js", "swagger-ui.css"})


def install(app: FastAPI) -> None:
    """
    Add the pages and their files to ``app``; those of the API only if it has an ``openapi_url``.

    Create the app with ``docs_url=None, redoc_url=None``: FastAPI's own pages load
    files from other hosts, and would take precedence.
    """
    found = _read(Path(web.__path__[0]), lambda name: suffix(name) in _ASSETS)
    ours = {name: _shortened(file) for name, file in found.items()}
    ours["emoji.json"] = File("emoji.json", emoji_list())
    # One request instead of one per file.
    styles = {name: ours.pop(f"styles/{name}.css").body for name in _STYLES}
    ours["style.css"] = File("style.css", b"\n".join(styles.values()))
    # It has the look of the web client: the same tokens and controls.
    frames = (styles["tokens"], styles["base"], ours["asyncapi.css"].body)
    ours["asyncapi.css"] = File("asyncapi.css", b"\n".join(frames))
    worker = ours.pop("service_worker.js")
    pages = _read(Path(web.__path__[0]), _PAGES.__contains__)
    version = version_of({**ours, **pages})
    index = pages["index.html"].body
    _add_page(app, "/", pages["index.html"], version, csp=PAGE_CSP)
    _add_page(app, "/manifest.webmanifest", pages["manifest.webmanifest"], version, csp=API_CSP)
    script = service_worker(worker.body, index, ours, version)
    _add_file(app, "/service-worker.js", File(worker.name, script), csp=WORKER_CSP)
    _add_files(app, "/web", ours, version)
    if app.openapi_url is not None:
        swagger = _read(Path(fastapi_offline.__path__[0], "static"), _SWAGGER.__contains__)
        _add_page(app, "/docs", pages["docs.html"], version, csp=SWAGGER_CSP)
        _add_page(app, "/asyncapi", pages["asyncapi.html"], version, csp=SWAGGER_CSP)
        _add_files(app, "/docs/assets", swagger, version_of(swagger))


def _read(folder: Path, wanted: Callable[[str], bool]) -> dict[str, File]:
    return {
        name: File(name, (folder / name).read_bytes()) for name in _names(folder) if wanted(name)
    }


def _names(folder: Path) -> Iterator[str]:
    # Path.rglob would not follow the link to the JavaScript client.
    for below, _folders, files in os.walk(folder, followlinks=True):
        for name in files:
            yield Path(below, name).relative_to(folder).as_posix()


def _shortened(file: File) -> File:
    return File(file.name, without_comments(file.body)) if suffix(file.name) in _CODE else file


def _add_page(app: FastAPI, path: str, page: File, version: str, *, csp: str) -> None:
    _add_file(app, path, File(page.name, versioned(page.body, version)), csp=csp)


def _add_file(app: FastAPI, path: str, file: File, *, csp: str) -> None:
    headers = {**SECURITY_HEADERS, "Content-Security-Policy": csp}

    async def show(request: Request) -> Response:
        return file.answer(request, headers, caching=REVALIDATE)

    app.add_route(path, show, methods=["GET"], include_in_schema=False)


def _add_files(app: FastAPI, path: str, files: Mapping[str, File], version: str) -> None:
    # The page's policy decides what they may do in it; opened by themselves they may do nothing.
    csp = {name: CODE_CSP if suffix(name) in _CODE else API_CSP for name in files}
    prefix = f"{version}/"

    async def show(request: Request) -> Response:
        name = str(request.path_params["name"])
        caching = FOR_GOOD if name.startswith(prefix) else REVALIDATE
        file = files.get(name.removeprefix(prefix))
        if file is None:
            return problems.answer(NotFound())
        headers = {**SECURITY_HEADERS, "Content-Security-Policy": csp[file.name]}
        return file.answer(request, headers, caching=caching)

    app.add_route(f"{path}/{{name:path}}", show, methods=["GET"], include_in_schema=False)
