"""
Web origins (RFC 6454): which page or app a request comes from.

Browsers send a scheme, a host and a port that is not the scheme's own. Apps in a web view send a
scheme of their own: ``capacitor://localhost``, ``tauri://localhost``, ``app://name``.
"""

import re
from collections.abc import Collection
from urllib.parse import urlsplit

# Of the schemes whose default port is left out (RFC 6454, section 6.2).
_DEFAULT_PORTS = {"http": 80, "https": 443}
# Of documents without an author, or whose author anybody can be.
_NO_ORIGIN = frozenset({"about", "blob", "data", "file", "filesystem", "javascript"})
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")
_HOST = re.compile(r"\[[0-9a-f:.]+\]|[a-z0-9._~-]+")


def normalized_origin(text: str) -> str:
    """
    The origin in the one form in which two origins can be compared.

    Scheme and host in lower case, a host in another script as its ASCII form (RFC 5890), no port
    that is the scheme's own.

    Raises:
        ValueError: If it is not an origin, is opaque (``null``), or names more than an origin.

    """
    parts = urlsplit(text)
    scheme = parts.scheme.lower()
    if not _SCHEME.fullmatch(scheme) or scheme in _NO_ORIGIN or not parts.hostname:
        raise ValueError("is not an origin such as https://chat.example.org")
    if parts.path or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("is not only a scheme, a host and a port")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else _ascii(parts.hostname)
    if not _HOST.fullmatch(host):
        raise ValueError("has a host that is not one")
    default = _DEFAULT_PORTS.get(scheme)
    port = "" if parts.port in (None, default) else f":{parts.port}"
    return f"{scheme}://{host}{port}"


def is_allowed(origin: str, allowed: Collection[str]) -> bool:
    """Whether ``origin``, as a client sent it, is one of these normalized ones. Never raises."""
    if origin in allowed:
        return True
    try:
        return normalized_origin(origin) in allowed
    except ValueError:
        return False


def is_same_origin(origin: str, host: str) -> bool:
    """
    Whether the page of ``origin`` was served by the ``Host`` that the request is for.

    Only for ``http`` and ``https``: the scheme itself is not compared, since a proxy may have
    ended TLS. Never raises.
    """
    try:
        scheme, _, rest = normalized_origin(origin).partition("://")
        if scheme not in _DEFAULT_PORTS:
            return False
        return normalized_origin(f"{scheme}://{host}").partition("://")[2] == rest
    except ValueError:
        return False


def _ascii(host: str) -> str:
    lowered = host.lower()
    if lowered.isascii():
        return lowered
    try:
        return lowered.encode("idna").decode("ascii")
    except UnicodeError:
        raise ValueError("has a host that is not one") from None
