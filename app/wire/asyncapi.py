"""
The AsyncAPI document: the WebSocket's requests, answers, signals and events, for machines.

AsyncAPI 3.0, https://www.asyncapi.com/docs/reference/specification/v3.0.0. The server is the
application that it describes: it *receives* requests and *sends* the rest.
"""

from collections.abc import Iterable, Mapping
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from .requests import AnyRequest
from .sent_events import AnyEvent
from .sent_frames import AnyAnswer, AnySignal

_DESCRIPTION = """
One connection to `/ws` with a `join` per room, or one to `/ws/{room}`. The first frame is a
`welcome`. A room is one log of events numbered 1, 2, 3, … without a gap: remember the last `seq`,
and join with `since` to miss nothing. Fields and types are added: ignore what you don't know.
Close codes: 40xx stop, 41xx reconnect with back-off, 42xx reconnect at once, 43xx renew the token
first.
""".strip()

# The answers of a request, by its type.
_REPLIES: Mapping[str, tuple[str, ...]] = {
    "join": ("joined", "reset", "caught_up", "error"),
    "ping": ("pong",),
    "typing": (),
}
_DEFAULT_REPLY = ("ack", "error")
# The parameters of `join`, which `/ws/{room}` takes in its query.
_QUERY = ("since", "limit", "epoch")


def asyncapi_document(version: str) -> dict[str, Any]:
    """The document of this version of the server; :func:`server_object` says where it is."""
    requests, sent = get_args(AnyRequest), get_args(AnyAnswer | AnySignal | AnyEvent)
    messages = {
        **{_key(model, "request"): _message(model, "request") for model in requests},
        **{_key(model, "sent"): _message(model, "sent") for model in sent},
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Parley",
            "version": version,
            "description": _DESCRIPTION,
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "channels": {
            "socket": _channel("/ws", messages, "Joins no room: send a `join` for each."),
            "room": {
                **_channel("/ws/{room}", messages, "Joins one room at once."),
                "parameters": {"room": {"description": "Name of the room."}},
                "bindings": {"ws": {"method": "GET", "query": _query(requests)}},
            },
        },
        "operations": _operations(requests, sent),
        "components": {
            "messages": messages,
            "schemas": _schemas(requests, sent),
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "In browsers the subprotocols `parley.v1`, `bearer.<token>`.",
                },
                "query": {"type": "httpApiKey", "name": "token", "in": "query"},
            },
        },
    }


def server_object(protocol: str, host: str, path: str) -> dict[str, Any]:
    """
    The document's ``servers.this``.

    Args:
        protocol: ``ws`` or ``wss``.
        host: With the port, unless it is the protocol's own.
        path: Where the server is mounted there; may be empty.

    """
    return {
        "host": host,
        "protocol": protocol,
        **({"pathname": path} if path else {}),
        "description": "The server that sent this document.",
        "security": [
            {"$ref": "#/components/securitySchemes/bearer"},
            {"$ref": "#/components/securitySchemes/query"},
        ],
    }


def frame_type(model: type[BaseModel]) -> str:
    """The ``type`` of a frame's model."""
    kind: str = get_args(model.model_fields["type"].annotation)[0]
    return kind


def _key(model: type[BaseModel], side: str) -> str:
    # `typing` and `read` are requests, and signals of others.
    return f"{side}.{frame_type(model)}"


def _message(model: type[BaseModel], side: str) -> dict[str, Any]:
    return {
        "name": frame_type(model),
        "title": frame_type(model),
        # In Markdown, code is in single backticks.
        "summary": (model.__doc__ or "").strip().splitlines()[0].replace("``", "`"),
        "payload": {"$ref": f"#/components/schemas/{_schema_name(model.__name__, side)}"},
    }


def _schema_name(name: str, side: str) -> str:
    return f"{name}Request" if side == "request" else name


def _channel(address: str, messages: Iterable[str], description: str) -> dict[str, Any]:
    refs = {key: {"$ref": f"#/components/messages/{key}"} for key in messages}
    return {"address": address, "description": description, "messages": refs}


def _operations(
    requests: Iterable[type[BaseModel]], sent: Iterable[type[BaseModel]]
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for model in requests:
        kind = frame_type(model)
        operation = found[kind] = {
            "action": "receive",
            "channel": {"$ref": "#/channels/socket"},
            "messages": [_in_channel(_key(model, "request"))],
        }
        if answers := _REPLIES.get(kind, _DEFAULT_REPLY):
            operation["reply"] = {
                "channel": {"$ref": "#/channels/socket"},
                "messages": [_in_channel(f"sent.{answer}") for answer in answers],
            }
    found["deliver"] = {
        "action": "send",
        "channel": {"$ref": "#/channels/socket"},
        "summary": "Events, and signals, which may be lost.",
        "messages": [_in_channel(_key(model, "sent")) for model in sent],
    }
    return found


def _in_channel(key: str) -> dict[str, str]:
    return {"$ref": f"#/channels/socket/messages/{key}"}


def _query(requests: Iterable[type[BaseModel]]) -> dict[str, Any]:
    (join,) = (model for model in requests if frame_type(model) == "join")
    properties = join.model_json_schema()["properties"]
    return {"type": "object", "properties": {name: properties[name] for name in _QUERY}}


def _schemas(
    requests: Iterable[type[BaseModel]], sent: Iterable[type[BaseModel]]
) -> dict[str, Any]:
    template = "#/components/schemas/{model}"
    _, received = models_json_schema(
        [(model, "validation") for model in requests], ref_template=template
    )
    _, written = models_json_schema(
        [(model, "serialization") for model in sent], ref_template=template
    )
    found = {_schema_name(name, "request"): schema for name, schema in received["$defs"].items()}
    for name, schema in written["$defs"].items():
        # A client ignores fields that it doesn't know: they are added.
        found[name] = {key: schema[key] for key in schema if key != "additionalProperties"}
    return found
