"""The opening request of a socket: its token, its origin, its room and where to resume."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import parse_qsl

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from ..domain.errors import BadRequest, Forbidden, Unauthorized
from ..domain.limits import MAX_EPOCH_CHARACTERS, MAX_INTEGER, MAX_PAGE
from ..domain.names import room_name
from ..domain.origins import is_allowed, is_same_origin
from ..wire.requests import plain

SUBPROTOCOL = "parley.v1"
_BEARER = "bearer."
_PARAMETERS = frozenset({"token", "since", "limit", "epoch"})
_HEADERS = frozenset({b"authorization", b"host", b"origin", b"sec-websocket-protocol"})
_DIGITS = re.compile("-?[0-9]+")
# The usual query: nothing in it needs decoding.
_TOKEN_ALONE = re.compile(rb"token=([A-Za-z0-9._-]+)")


def _in_digits(value: object) -> object:
    # pydantic alone would also accept `144.0`, `1_0` and `+5`.
    if isinstance(value, str) and not _DIGITS.fullmatch(value):
        raise ValueError("must be an integer, in digits alone")
    return value


_Integer = Annotated[int, BeforeValidator(_in_digits)]


class _Query(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    since: _Integer | None = Field(default=None, ge=0, le=MAX_INTEGER)
    limit: _Integer | None = Field(default=None, ge=1, le=MAX_PAGE)
    epoch: str | None = Field(default=None, max_length=MAX_EPOCH_CHARACTERS)


_EMPTY_QUERY = _Query()


@dataclass(frozen=True, slots=True)
class ConnectRequest:
    """An opening request whose form is valid. The token has not been checked."""

    room: str | None
    token: str
    subprotocol: str | None
    since: int | None
    limit: int | None
    epoch: str | None


def is_socket_path(scope: Mapping[str, Any]) -> bool:
    """Whether the path is ``/ws`` or ``/ws/{room}``."""
    path = route_path(scope)
    return path == "/ws" or (path.startswith("/ws/") and "/" not in path[4:])


def route_path(scope: Mapping[str, Any]) -> str:
    """The request's path below the one where a host has mounted the app."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def read_connect_request(
    scope: Mapping[str, Any], allowed_origins: Collection[str]
) -> ConnectRequest:
    """
    Read the opening request from an ASGI scope.

    Raises:
        Forbidden: If it comes from a page of a foreign origin.
        BadRequest: If a parameter is invalid, unknown or repeated.
        Unauthorized: If there is not exactly one token.
        RoomNotFound: If the name in the path is invalid.

    """
    headers = _headers(scope)
    _check_origin(headers, allowed_origins)
    parameters = _parameters(scope)
    offered = [
        name.strip() for name in ",".join(headers.get("sec-websocket-protocol", [])).split(",")
    ]
    tokens = [offer.removeprefix(_BEARER) for offer in offered if offer.startswith(_BEARER)]
    tokens += [value for name, value in parameters if name == "token"]
    tokens += _authorization(headers)
    if len(tokens) != 1:
        raise Unauthorized("Exactly one access token is needed." if tokens else "")
    query = _query(parameters)
    name = route_path(scope).removeprefix("/ws").removeprefix("/")
    return ConnectRequest(
        room=room_name(name) if name else None,
        token=tokens[0],
        subprotocol=SUBPROTOCOL if SUBPROTOCOL in offered else None,
        since=query.since,
        limit=query.limit,
        epoch=query.epoch,
    )


def _headers(scope: Mapping[str, Any]) -> dict[str, list[str]]:
    """The headers that matter here, by their names in lower case."""
    found: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        if (lowered := name.lower()) in _HEADERS:
            found.setdefault(lowered.decode(), []).append(value.decode("latin-1"))
    return found


def _check_origin(headers: Mapping[str, list[str]], allowed_origins: Collection[str]) -> None:
    # Browsers always send an Origin, and a page can't forge it (OWASP ASVS 5.0, 4.4.2). CORS
    # doesn't cover WebSockets.
    origins = headers.get("origin", [])
    if not origins:
        return
    hosts = headers.get("host", [])
    if len(origins) == 1 and len(hosts) == 1:
        origin = origins[0]
        if is_allowed(origin, allowed_origins) or is_same_origin(origin, hosts[0]):
            return
    raise Forbidden("This origin may not connect.")


def _parameters(scope: Mapping[str, Any]) -> list[tuple[str, str]]:
    query: bytes = scope["query_string"]
    if alone := _TOKEN_ALONE.fullmatch(query):
        return [("token", alone[1].decode())]
    try:
        parameters = parse_qsl(
            query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=20
        )
    except ValueError:
        raise BadRequest("The query string can't be read.") from None
    names = [name for name, _ in parameters if name != "token"]
    for name in names:
        if name not in _PARAMETERS:
            raise BadRequest("Unknown parameter; known are token, since, limit and epoch.")
        if names.count(name) > 1:
            raise BadRequest(f"{name} is given more than once.")
    return parameters


def _authorization(headers: Mapping[str, list[str]]) -> list[str]:
    found = []
    for value in headers.get("authorization", []):
        scheme, _, token = value.partition(" ")
        if scheme.lower() == "bearer":
            found.append(token.strip())
    return found


def _query(parameters: list[tuple[str, str]]) -> _Query:
    if all(name == "token" for name, _ in parameters):
        return _EMPTY_QUERY
    try:
        return _Query.model_validate(dict(parameters))
    except ValidationError as exc:
        error = exc.errors()[0]
        raise BadRequest(f"{error['loc'][0]}: {plain(error['msg'])}") from None
