"""The scopes of ASGI, made from requests and handshakes."""

from asyncio import Transport
from functools import partial
from urllib.parse import unquote

from .base import EXTENSION, UNACKNOWLEDGED, WebSocketTransport
from .context import Address, Scope, ServerContext
from .handshake import Handshake, subprotocols
from .http_request import Request
from .linger import unacknowledged


def http_scope(
    context: ServerContext,
    transport: Transport,
    server: Address,
    client: Address,
    request: Request,
) -> Scope:
    """The scope of a request."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": request.version,
        "method": request.method,
        "scheme": "https" if transport.get_extra_info("sslcontext") else "http",
        "server": server,
        "client": client,
        "query_string": request.query,
        "headers": request.headers,
        "state": context.app_state.copy(),
        "extensions": {UNACKNOWLEDGED: partial(unacknowledged, transport)},
        **_paths(context.root_path, request.path),
    }


def websocket_scope(
    context: ServerContext,
    transport: Transport,
    server: Address,
    client: Address,
    handshake: Handshake,
    offered: WebSocketTransport,
) -> Scope:
    """The scope of a WebSocket whose handshake has not been answered."""
    path, _, query = handshake.target.partition(b"?")
    return {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": "wss" if transport.get_extra_info("sslcontext") else "ws",
        "server": server,
        "client": client,
        "query_string": query,
        "headers": handshake.headers,
        "subprotocols": subprotocols(handshake.headers),
        "state": context.app_state.copy(),
        "extensions": {EXTENSION: offered},
        **_paths(context.root_path, path),
    }


def _paths(root: str, path: bytes) -> Scope:
    decoded = path.decode("ascii")
    return {
        "root_path": root,
        "path": root + (unquote(decoded) if "%" in decoded else decoded),
        "raw_path": root.encode("ascii") + path,
    }
