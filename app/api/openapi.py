"""The API's own description: what Swagger UI shows before the first endpoint."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from app.api.responses import PROBLEM_SCHEMA

SUMMARY = "A self-hosted chat backend: rooms, history, one WebSocket, nothing missed."
DESCRIPTION = """
**Start here:** register with `POST /users`, press **Authorize**, log in, make a room with
`POST /rooms`, and connect a WebSocket to talk:

```sh
npx wscat -c "ws://127.0.0.1:8000/ws/general?token=YOUR_ACCESS_TOKEN"
python -m websockets "ws://127.0.0.1:8000/ws/general?token=YOUR_ACCESS_TOKEN"
```

Every line that you type is a message. A browser connects with
`new WebSocket("ws://127.0.0.1:8000/ws/general", ["parley.v1", "bearer." + token])`, which keeps
the token out of the URL.

A room is one log of events numbered 1, 2, 3, … The live feed is the archive: remember the last
`seq` that you applied, reconnect with `?since=that`, and nothing is missed.

Errors are `application/problem+json` (RFC 9457) with a stable `code`.
"""
TAGS: list[dict[str, Any]] = [
    {"name": "Log-in", "description": "Tokens: log in, refresh, log out."},
    {"name": "Users", "description": "Accounts, one's own and others'."},
    {"name": "Rooms", "description": "Rooms and who is in them."},
    {"name": "Messages", "description": "What was said, as it is now."},
    {"name": "Log", "description": "The events of a room: what happened, in order."},
    {"name": "Administration", "description": "For administrators of the installation."},
    {"name": "Operations", "description": "Whether the server is well."},
]


def install(app: FastAPI) -> None:
    """Give ``app`` its OpenAPI document, with the schema that all errors share."""

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
            schemas = made.setdefault("components", {}).setdefault("schemas", {})
            schemas["Problem"] = PROBLEM_SCHEMA
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]
