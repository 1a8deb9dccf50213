"""
Fast paths for what HTTP clients request most, which bypass FastAPI.

FastAPI's middleware, routing and dependencies take longer than reading a page of messages, or than
a message's share of a commit. A well-formed request is answered here, by the same endpoint. Every
other request goes through FastAPI, which validates it and explains what is wrong.
"""

import json
import logging
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, NamedTuple

from fastapi import Response
from pydantic import TypeAdapter, ValidationError
from starlette.datastructures import State

from ..domain.connection_limits import MAX_BODY_BYTES
from ..domain.errors import Internal, ParleyError
from ..domain.limits import DEFAULT_PAGE, MAX_INTEGER, MAX_PAGE
from ..realtime.connect_request import route_path
from ..runtime import Runtime
from ..services.accounts.authenticator import Identity
from ..wire.message_bodies import NewMessage
from ..wire.requests import RequestId
from . import problems
from .messages import finished, list_messages, send
from .users import get_me

log = logging.getLogger("parley.http")

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]
Endpoint = Callable[[Runtime, Identity], Awaitable[Response]]

_MESSAGES = re.compile(r"/rooms/([\w.-]+)/messages", re.ASCII)
_CURSORS = frozenset((b"before", b"after", b"around"))
_MAX_DIGITS = len(str(MAX_INTEGER)) - 1
_AUTHORIZATION, _LENGTH, _TYPE = b"authorization", b"content-length", b"content-type"
_KEY = b"idempotency-key"
# Those that the endpoints look at. A plain request has none of them twice.
_FIELDS = frozenset((_AUTHORIZATION, _LENGTH, _TYPE, _KEY))
# Those that a plain request lacks: its body has a length, and no page of another origin sends it.
_NOT_PLAIN = frozenset((b"transfer-encoding", b"origin", b"last-event-id"))
_REQUEST_ID = TypeAdapter[str](RequestId)


_NOT_STORED = (b"cache-control", b"no-store")


class FastRoute(NamedTuple):
    """What is found instead of one of FastAPI's routes."""

    path: str
    """The template, as in FastAPI's."""


_ACCOUNT = FastRoute("/users/me")
_ROOM_MESSAGES = FastRoute("/rooms/{room}/messages")


class FastPaths:
    """
    Middleware that answers plain requests itself.

    Args:
        state: Of the app, whose ``runtime`` is open when a request comes.

    """

    def __init__(self, app: Asgi, state: State) -> None:
        self._app = app
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a plain request, or pass it on."""
        plain, receive = await plain_request(scope, receive)
        if plain is None:
            await self._app(scope, receive, send)
        else:
            scope["route"] = plain.route
            await plain.answer(self._state.runtime, scope, receive, send)


class PlainRequest(NamedTuple):
    """A well-formed request."""

    token: str
    endpoint: Endpoint
    """Answers it, for the user whom the token belongs to."""
    route: FastRoute

    async def answer(self, runtime: Runtime, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as FastAPI would. Never raises."""
        try:
            me = await runtime.accounts.authenticator.authenticate(self.token)
            response = await self.endpoint(runtime, me)
            response.raw_headers.append(_NOT_STORED)
        except ParleyError as exc:
            response = problems.answer(exc)
        except Exception as exc:  # the root of a request: logged, and reported to the client
            log.error("request.failed", exc_info=exc)
            response = problems.answer(Internal())
        await response(scope, receive, send)


async def plain_request(scope: Scope, receive: Receive) -> tuple[PlainRequest | None, Receive]:
    """
    Return the HTTP request, if it is a well-formed one that has a fast path.

    The second result is to be used in the place of ``receive``: the body may have been read.
    """
    method, path = scope["method"], route_path(scope)
    if method == "GET" and path == "/users/me":
        account = None if scope["query_string"] else _account
        return _without_body(scope, account, _ACCOUNT), receive
    room = _MESSAGES.fullmatch(path)
    if room is None:
        return None, receive
    if method == "GET":
        endpoint = _page(room[1], scope["query_string"])
        return _without_body(scope, endpoint, _ROOM_MESSAGES), receive
    if method == "POST" and not scope["query_string"] and (fields := _fields(scope)):
        return await _new_message(room[1], fields, receive)
    return None, receive


def _without_body(
    scope: Scope, endpoint: Endpoint | None, route: FastRoute
) -> PlainRequest | None:
    """The request, if it has no body, and a query that ``endpoint`` takes."""
    fields = None if endpoint is None else _fields(scope)
    if endpoint is None or fields is None or _LENGTH in fields:
        return None
    token = _token(fields)
    return PlainRequest(token, endpoint, route) if token else None


def _fields(scope: Scope) -> Mapping[bytes, bytes] | None:
    """The header fields that the endpoints look at; None if any is unusual."""
    found: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if name in _FIELDS:
            if name in found:
                return None
            found[name] = value
        elif name in _NOT_PLAIN:
            return None
    return found


def _token(fields: Mapping[bytes, bytes]) -> str:
    scheme, _, credentials = fields.get(_AUTHORIZATION, b"").partition(b" ")
    # One space or more (RFC 6750, section 2.1).
    return credentials.strip(b" ").decode("latin-1") if scheme.lower() == b"bearer" else ""


async def _account(_runtime: Runtime, me: Identity) -> Response:
    return finished((await get_me(me)).model_dump_json().encode())


def _page(room: str, query: bytes) -> Endpoint | None:
    parameters = _parameters(query)
    if (
        parameters is None
        or not 1 <= (limit := parameters.get(b"limit", DEFAULT_PAGE)) <= MAX_PAGE
    ):
        return None
    before, after, around = (
        parameters.get(b"before"),
        parameters.get(b"after"),
        parameters.get(b"around"),
    )

    async def page(runtime: Runtime, me: Identity) -> Response:
        pages = runtime.messages.message_pages
        return await list_messages(room, me, pages, before, after, around, limit=limit)

    return page


def _parameters(query: bytes) -> dict[bytes, int] | None:
    """The parameters, all whole numbers, by name; None if there is anything else."""
    found: dict[bytes, int] = {}
    for part in query.split(b"&") if query else ():
        name, _, value = part.partition(b"=")
        if name not in _CURSORS and name != b"limit":
            return None
        if not value.isdigit() or len(value) > _MAX_DIGITS or name in found:
            return None
        found[name] = int(value)
    return found


async def _new_message(
    room: str, fields: Mapping[bytes, bytes], receive: Receive
) -> tuple[PlainRequest | None, Receive]:
    length = fields.get(_LENGTH, b"")
    is_number = length.isdigit() and len(length) <= _MAX_DIGITS
    is_short = is_number and int(length) <= MAX_BODY_BYTES
    if not is_short or fields.get(_TYPE) != b"application/json" or not (token := _token(fields)):
        return None, receive
    first = await receive()
    again = _replayed(first, receive)
    if first["type"] != "http.request" or first.get("more_body", False):
        return None, again
    try:
        new = NewMessage.model_validate(json.loads(first.get("body", b"")))
        key = (
            _REQUEST_ID.validate_python(fields[_KEY].decode("latin-1")) if _KEY in fields else None
        )
    except (ValidationError, ValueError, RecursionError):  # explained by FastAPI
        return None, again

    async def message(runtime: Runtime, me: Identity) -> Response:
        return await send(new, room, me, runtime.messages.messages, key)

    return PlainRequest(token, message, _ROOM_MESSAGES), again


def _replayed(first: Message, receive: Receive) -> Receive:
    """``receive``, with the message that was read already once more."""
    messages = [first]

    async def replayed() -> Message:
        return messages.pop() if messages else await receive()

    return replayed
