"""Under which address a client has reached this server, for what it shows as an example."""

import re
from typing import NamedTuple

from starlette.requests import Request

# RFC 9110, section 7.2, without what no server is called.
_HOST = re.compile(r"(?:[a-z0-9_.-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::[0-9]{1,5})?", re.ASCII | re.I)


class Address(NamedTuple):
    """Where the WebSocket is: ``wss``, ``chat.example.org:8443``, and the path before ``/ws``."""

    scheme: str
    host: str
    path: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}{self.path}"


# What is shown to a request that does not say where it was sent.
_EXAMPLE = "chat.example.org"


def socket_address(request: Request) -> Address:
    """The address in a request's ``Host``, which a proxy passes on; else an example."""
    host = request.headers.get("Host", "")
    scheme = "wss" if request.url.scheme == "https" else "ws"
    path = str(request.scope.get("root_path", "")).rstrip("/")
    if _HOST.fullmatch(host) is None:
        return Address("wss", _EXAMPLE, path)
    return Address(scheme, host, path)
