"""The OpenAPI document: title, introduction, tags, and the schema of errors."""

from functools import lru_cache
from typing import Any

import orjson
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.requests import Request
from starlette.responses import Response

from ..domain.errors import BadRequest, TooLarge
from .addresses import socket_address
from .responses import PROBLEM_SCHEMA, errors

# In the description, where the address of the request is shown.
_PLACE = b"wss://chat.example.org"

SUMMARY = "A self-hosted chat backend: rooms, history, one WebSocket, nothing missed."
DESCRIPTION = """
**Start here:** register with `POST /users`, press **Authorize**, log in, create a room with
`POST /rooms`, and connect a WebSocket:

```sh
npx wscat -c "wss://chat.example.org/ws/general?token=YOUR_ACCESS_TOKEN"
python -m websockets "wss://chat.example.org/ws/general?token=YOUR_ACCESS_TOKEN"
```

Every line that you type is sent as a message. A browser connects with
`new WebSocket("wss://chat.example.org/ws/general", ["parley.v1", "bearer." + token])`, which keeps
the token out of the URL.

A room is one log of events numbered 1, 2, 3, … The live feed is the archive: remember the last
`seq` that you applied, reconnect with `?since=<seq>`, and you miss nothing.

Errors are `application/problem+json` (RFC 9457) with a stable `code`. Integers are written in
digits alone: `144.0`, `1e2` and `"144"` are `invalid`.
"""
TAGS: list[dict[str, Any]] = [
    {"name": "Log-in", "description": "Tokens: log in, refresh, log out."},
    {"name": "Users", "description": "Accounts: your own and those of others."},
    {"name": "Rooms", "description": "Rooms, their members and invitations."},
    {"name": "Messages", "description": "Messages in their current form."},
    {"name": "Log", "description": "The events of a room, in order."},
    {"name": "Administration", "description": "For administrators of the installation."},
    {"name": "Operations", "description": "Health checks."},
]


def install(app: FastAPI) -> None:
    """Make ``app`` serve its OpenAPI document with the schema that all errors share."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(
                title=app.title,
                version=app.version,
                summary=app.summary,
                description=app.description,
                routes=app.routes,
                tags=app.openapi_tags,
            )
            _add_errors_of_bodies(made)
            _add_examples_of_parameters(made)
            schemas = made.setdefault("components", {}).setdefault("schemas", {})
            schemas["Problem"] = PROBLEM_SCHEMA
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]
    if app.openapi_url is not None:
        _serve_encoded(app, app.openapi_url)


def _serve_encoded(app: FastAPI, path: str) -> None:
    """Encode the document once: FastAPI's route takes 2.6 ms for each request to encode it."""

    @lru_cache(maxsize=4)
    def encoded(root_path: str) -> bytes:
        document = app.openapi()
        return orjson.dumps(
            {**document, "servers": [{"url": root_path}]} if root_path else document
        )

    async def answer(request: Request) -> Response:
        address = socket_address(request)
        body = encoded(address.path).replace(_PLACE, orjson.dumps(str(address))[1:-1])
        return Response(body, media_type="application/json")

    replaced = [route for route in app.router.routes if getattr(route, "path", None) == path]
    for route in replaced:
        app.router.routes.remove(route)
    app.add_route(path, answer, methods=["GET"], include_in_schema=False)


def _add_errors_of_bodies(document: dict[str, Any]) -> None:
    """What every operation with a JSON body can answer, before the endpoint is called."""
    for operations in document["paths"].values():
        for operation in operations.values():
            if "application/json" in operation.get("requestBody", {}).get("content", {}):
                for status, response in errors(BadRequest, TooLarge).items():
                    operation["responses"].setdefault(str(int(status)), response)


def _add_examples_of_parameters(document: dict[str, Any]) -> None:
    """Swagger UI fills in the example of a parameter, not one of its schema."""
    for operations in document["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                if examples := parameter["schema"].get("examples"):
                    parameter["example"] = examples[0]
