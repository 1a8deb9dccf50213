"""Handshakes that are wrong in one thing, and tokens that are not the one that was given."""

from collections.abc import Iterator
from urllib.parse import quote

UPGRADE = {
    "Host": "here",
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}


def handshake(token: str, target: str = "/ws/general", **changed: str | None) -> bytes:
    """A handshake; headers by name, with ``_`` for ``-``; None: left out."""
    headers: dict[str, str | None] = {**UPGRADE, "Authorization": f"Bearer {token}"}
    headers |= {name.replace("_", "-"): value for name, value in changed.items()}
    lines = [f"{name}: {value}" for name, value in headers.items() if value is not None]
    return "\r\n".join([f"GET {target} HTTP/1.1", *lines, "", ""]).encode("latin-1")


def handshakes(token: str) -> Iterator[bytes]:
    """Handshakes that are wrong in one thing."""
    for origin in (
        *(
            "https://evil",
            "null",
            "",
            " ",
            "http://here.evil",
            "http://evilhere",
            "http://here:81",
        ),
        *(
            "HTTP://HERE",
            "http://here.",
            "http://h\xe9re",
            "file://",
            "http://here, http://here",
            "x",
        ),
        *(
            "http://user@here",
            "http://here/",
            "http://here#",
            "chrome-extension://a",
            "here",
            "//here",
        ),
        *(
            "http://[::1]",
            "http://[::1",
            "http://:80",
            "http://here:x",
            "http://here:99999",
            "\x01",
        ),
    ):
        yield handshake(token, Origin=origin)
    for host in ("", "evil", "here:0", "here:x", "[", "a" * 300, "here, evil", "h\xe9re", "\x7f"):
        yield handshake(token, Host=host)
    for name, values in {
        "Upgrade": ("", "websocket2", "h2c", "websocket, h2c", "WEBSOCKET", "\x01"),
        "Connection": ("", "close", "keep-alive", "upgrade", "keep-alive, Upgrade", ",,Upgrade"),
        "Sec_WebSocket_Version": ("", "8", "12", "14", "13, 14", "x", "-1", "9" * 50),
        "Sec_WebSocket_Key": ("", "AA==", "x" * 24, "A" * 500, "AAAAAAAAAAAAAAAAAAAAAA", "===="),
        "Sec_WebSocket_Extensions": (
            "x",
            ";",
            "permessage-deflate; server_max_window_bits=99",
            "a;b=c",
        ),
        "Sec_WebSocket_Protocol": (
            "",
            ",",
            "x",
            "parley.v1",
            "bearer.x",
            "parley.v1,bearer.",
            "a b",
        ),
        "Content_Length": ("5", "-1", "x", "0"),
        "Transfer_Encoding": ("chunked", "x"),
        "X_Long": ("a" * 7_000, "a" * 9_000, "a" * 70_000),
    }.items():
        yield from (handshake(token, **{name: value}) for value in values)
    for name in ("Host", "Connection", "Upgrade", "Sec_WebSocket_Version", "Sec_WebSocket_Key"):
        yield handshake(token, **{name: None})
        yield handshake(token)[:-2] + f"{name.replace('_', '-')}: x\r\n\r\n".encode()
    yield from (
        handshake(token, f"/ws/general?{query}")
        for query in (
            *(
                "since",
                "since=",
                "since=-1",
                "since=x",
                "since=1.0",
                "since=1e3",
                "since=" + "9" * 30,
            ),
            *(
                "since=1&since=2",
                "limit=0",
                "limit=x",
                "limit=-1",
                "limit=" + "9" * 20,
                "epoch=",
                "x=1",
            ),
            *(
                "epoch=" + "a" * 65,
                "epoch=%ff",
                "token=x",
                "token=x&token=y",
                "&",
                "%",
                "since=%00",
            ),
        )
    )
    yield from (
        handshake(token, f"/ws{path}")
        for path in (
            *(
                "/",
                "//",
                "/nowhere",
                "/hidden",
                "/%00",
                "/%ff",
                "/..",
                "/.",
                "/a%2fb",
                "/a/b",
                "x",
                "?",
            ),
            *(
                "/" + "a" * 65,
                "/" + "a" * 7_000,
                "/%F0%9F%91%8D",
                "/GENERAL",
                "/general%20",
                "/-",
                "/*",
            ),
        )
    )
    for other in ("POST", "HEAD", "get", "OPTIONS"):
        yield handshake(token).replace(b"GET", other.encode(), 1)
    yield handshake(token).replace(b"HTTP/1.1", b"HTTP/1.0", 1)
    yield handshake(token).replace(b"\r\n", b"\n")


def tokens(token: str) -> Iterator[bytes]:
    """Tokens that are not the one that was given, in each place for one."""
    header, claims, signature = token.split(".")
    bad = [
        *(
            "",
            "x",
            ".",
            "..",
            "...",
            "a.b.c",
            token[:-1],
            token + "A",
            token + "=",
            token + ".",
            token * 2,
        ),
        *(
            f"{header}.{claims}.",
            f"{header}..{signature}",
            f".{claims}.{signature}",
            f"{claims}.{header}.",
        ),
        *(f"eyJhbGciOiJub25lIn0.{claims}.", f"eyJhbGciOiJub25lIn0.{claims}.{signature}"),
        *(
            "A" * 4_000,
            "A" * 7_000,
            "A." * 2_000,
            "[" * 3_000,
            "W1tbW1tb" * 300 + "." + claims + ".x",
        ),
        *(
            token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]
            for at in range(0, len(token), 9)
        ),
        *(
            "\xe9",
            "a b",
            "a,b",
            '"a"',
            "null",
            "undefined",
            "Bearer x",
            token.lower(),
            token.swapcase(),
        ),
    ]
    for each in bad:
        yield handshake(token, Authorization=f"Bearer {each}")
        yield handshake(
            token, Authorization=None, Sec_WebSocket_Protocol=f"parley.v1, bearer.{each}"
        )
        target = f"/ws/general?token={quote(each, safe='', encoding='latin-1')}"
        yield handshake(token, target, Authorization=None)
        get = f"GET /rooms HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer {each}\r\n\r\n"
        yield get.encode("latin-1")
    for scheme in (
        "",
        "Basic eDp5",
        "Bearer",
        "Bearer ",
        f"bearer {token}",
        f"Token {token}",
        token,
    ):
        yield handshake(token, Authorization=scheme)
        yield f"GET /rooms HTTP/1.1\r\nHost: here\r\nAuthorization: {scheme}\r\n\r\n".encode()
