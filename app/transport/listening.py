"""Listening sockets, and why there can't be one."""

import errno
import socket
import sys

from ..domain.connection_limits import TCP_USER_TIMEOUT_MS

BACKLOG = 2_048
"""Connections that wait to be accepted, in a storm of reconnects. As uvicorn has it."""


class ListenError(Exception):
    """The server can't listen. The text is a sentence for the operator."""


class PortInUse(ListenError):
    """Another program listens there."""


def listen(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """
    A listening socket. With port 0, its ``getsockname`` has the port that was chosen.

    Args:
        shared: Whether other sockets of this user may listen there that are shared, too: the
            kernel then gives each connection to one of them.

    Raises:
        PortInUse: If another program listens there.
        ListenError: If listening fails for another reason.

    """
    try:
        found = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError) as exc:
        raise ListenError(f"There is no address {host!r} to listen on: {exc}.") from None
    family, kind, protocol, _name, address = found[0]
    try:
        # It may have an address of a family that this machine does not support.
        listening = socket.socket(family, kind, protocol)
    except OSError as exc:
        raise _refusal(exc, host, port) from None
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            # Accepted sockets inherit it. Without it, a peer that stops reading stays for ever.
            timeout = TCP_USER_TIMEOUT_MS
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, timeout)
        listening.bind(address)
        # Now, not when the app is ready: of two that start at once, the second fails here.
        listening.listen(BACKLOG)
    except OSError as exc:
        listening.close()
        raise _refusal(exc, host, port) from None
    listening.setblocking(False)
    return listening


def listen_for_each(host: str, port: int, count: int) -> list[socket.socket]:
    """
    Sockets for ``count`` processes that listen on the same port.

    On Linux each process has one of its own, among which the kernel spreads connections evenly;
    elsewhere all have the same one.

    Raises:
        PortInUse: If another program listens there.
        ListenError: If listening fails for another reason.

    """
    # Shared sockets would not notice another server of the same user.
    first = listen(host, port)
    if sys.platform != "linux":
        return [first] * count
    chosen = first.getsockname()[1]
    first.close()
    return [listen(host, chosen, shared=True) for _ in range(count)]


def _refusal(exc: OSError, host: str, port: int) -> ListenError:
    where = f"port {port} of {host or 'this machine'}"
    if exc.errno == errno.EADDRINUSE:
        return PortInUse(
            f"Another program listens on {where}. Choose another: parley serve --port 8001, "
            "or PORT."
        )
    if exc.errno == errno.EACCES:
        return ListenError(f"Only root may listen on {where}. Choose one above 1023.")
    return ListenError(f"It is not possible to listen on {where}: {exc.strerror}.")
