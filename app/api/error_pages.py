"""
A page for each error code, at the address that is the ``type`` of its problem documents.

What a page says is the section of ``docs/errors.md``, which is part of the package: ``errors.md``
here is a link to it.
"""

import html
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from ..domain.errors import NotFound
from .docs import API_CSP, SECURITY_HEADERS
from .problems import answer

# "## `muted` — 403 · 4003", and what follows up to the next heading.
_SECTION: Final = re.compile(r"^## `(\w+)` — (\d+)(?: · (\d+))?\n(.*?)(?=^## |\Z)", re.M | re.S)
_LINK: Final = re.compile(r"\[([^]]+)\]\([^)]+\)")
_CODE: Final = re.compile(r"`([^`]+)`")
_PAGE: Final = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{code}: an error of Parley</title>
<h1><code>{code}</code></h1>
<p>HTTP status {status}.{close}</p>
{text}
</html>
"""


def install(app: FastAPI) -> None:
    """Add the pages to ``app``."""
    app.add_route("/errors/{code}", _page, methods=["GET"], include_in_schema=False)


async def _page(request: Request) -> Response:
    page = _pages().get(request.path_params["code"])
    if page is None:
        return answer(NotFound())
    headers = {**SECURITY_HEADERS, "Cache-Control": "no-cache", "Content-Security-Policy": API_CSP}
    return Response(page, headers=headers, media_type="text/html")


@cache
def _pages() -> Mapping[str, str]:
    """The pages by code."""
    text = files(__package__).joinpath("errors.md").read_text("utf-8")
    return {
        code: _PAGE.format(
            code=code,
            status=status,
            close=f" WebSocket close code {close}." if close else "",
            text="\n".join(f"<p>{_inline(part)}</p>" for part in body.strip().split("\n\n")),
        )
        for code, status, close, body in _SECTION.findall(text)
    }


def _inline(markdown: str) -> str:
    """A paragraph as HTML. Links lead to other documents, which are not served."""
    return _CODE.sub(r"<code>\1</code>", _LINK.sub(r"\1", html.escape(markdown, quote=False)))
