"""Addresses of servers as text."""

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}


def http_url(host: str, port: int) -> str:
    """``http://host:port``, with the brackets that IPv6 needs."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def local_url(host: str, port: int) -> str:
    """Where a server that listens on ``host`` can be reached from the same machine."""
    return http_url(_EVERYWHERE.get(host, host), port)
