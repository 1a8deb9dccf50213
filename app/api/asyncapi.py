"""Serves the AsyncAPI document at ``/asyncapi.json``."""

from functools import cache
from typing import Any

import orjson
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from ..version import VERSION
from ..wire.asyncapi import asyncapi_document, server_object
from .addresses import socket_address


@cache
def _document() -> dict[str, Any]:
    return asyncapi_document(VERSION)


async def _answer(request: Request) -> Response:
    servers = {"this": server_object(*socket_address(request))}
    body = orjson.dumps({**_document(), "servers": servers})
    return Response(body, media_type="application/json")


def install(app: FastAPI) -> None:
    """Add the document to ``app``, if it has an OpenAPI document."""
    if app.openapi_url is not None:
        app.add_route("/asyncapi.json", _answer, methods=["GET"], include_in_schema=False)
