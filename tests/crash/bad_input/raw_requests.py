"""Requests that are no HTTP, or that two parsers may read in two ways."""

from collections.abc import Iterator

from tests.crash.bad_input.values import INVALID_UTF8

HOST = b"Host: here\r\n"


def requests() -> Iterator[bytes]:
    """Requests that are no HTTP, or that two parsers may read in two ways."""
    post = b"POST /token HTTP/1.1\r\n" + HOST
    length, chunked = b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n"
    yield from (
        post + length + chunked + b"\r\n0\r\n\r\nX",
        post + chunked + length + b"\r\n0\r\n\r\nX",
        post + length + b"Content-Length: 6\r\n\r\nabcdef",
        post + length + length + b"\r\nabcde",
        *(
            post + b"Content-Length: " + bad + b"\r\n\r\nabcde"
            for bad in (
                b"-1",
                b"+5",
                b"5,5",
                b"5, 6",
                b"0x5",
                b"5 5",
                b"",
                b" ",
                b"1e1",
                b"9" * 30,
            )
        ),
        *(
            post + b"Transfer-Encoding: " + bad + b"\r\n\r\n0\r\n\r\n"
            for bad in (
                b"xchunked",
                b"chunked, identity",
                b"gzip",
                b"chunked, chunked",
                b"\x0bchunked",
            )
        ),
        post + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        post + b" Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        post + b"X: a\r\n b\r\n" + length + b"\r\nabcde",
        *(
            post + chunked + b"\r\n" + bad
            for bad in (
                b"-1\r\n",
                b"g\r\n",
                b"0x5\r\n",
                b"f" * 17 + b"\r\n",
                b"5;" + b"a" * 70_000,
            )
        ),
        *(
            post + chunked + b"\r\n" + bad
            for bad in (b"1\nA\n0\n\n", b"1\r\nAB\r\n", b"1 \r\nA\r\n")
        ),
        post + chunked + b"\r\n0\r\nX: y\r\nContent-Length: 5\r\n\r\n",
    )
    get = b"GET /health HTTP/1.1\r\n" + HOST
    yield from (
        *(b"GET /health HTTP/1.1\r\n\r\n", get + HOST + b"\r\n", b"GET /health\r\n\r\n"),
        *(b"GET  /health HTTP/1.1\r\n" + HOST + b"\r\n", b"\r\n" * 50 + get + b"\r\n"),
        *(
            b"GET /health " + version + b"\r\n" + HOST + b"\r\n"
            for version in (
                b"HTTP/0.9",
                b"HTTP/1.0",
                b"HTTP/1.2",
                b"HTTP/2.0",
                b"HTTP/9",
                b"http/1.1",
            )
        ),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        *(get.replace(b"\r\n", b"\n") + b"\n", get.replace(b"\r\n", b"\r") + b"\r"),
        *(
            get + bad + b"\r\n\r\n"
            for bad in (
                b"X",
                b": x",
                b"X Y: z",
                b"X\0: y",
                b"X: a\0b",
                b"X: \x01",
                b"\xff: a",
                b"X:\x7f",
            )
        ),
        *(get + b"X: " + bad + b"\r\n\r\n" for bad in INVALID_UTF8),
        *(get + b"X-%d: y\r\n" % number * many + b"\r\n" for number, many in ((1, 127), (2, 200))),
        *(get + b"X: " + b"a" * size + b"\r\n\r\n" for size in (8_000, 9_000, 65_000, 200_000)),
        *(
            method + b" /health HTTP/1.1\r\n" + HOST + b"\r\n"
            for method in (
                b"TRACE",
                b"CONNECT",
                b"get",
                b"OPTIONS",
                b"PURGE",
                b"G\0T",
                b"A" * 9_000,
                b"",
            )
        ),
        *(
            b"GET " + target + b" HTTP/1.1\r\n" + HOST + b"\r\n"
            for target in (
                *(
                    b"*",
                    b"//evil/x",
                    b"/\\evil",
                    b"http://evil/health",
                    b"http://",
                    b"here:80",
                    b"/%",
                ),
                *(
                    b"/%00",
                    b"/%ff",
                    b"/%2e%2e/x",
                    b"/../x",
                    b"/a b",
                    b"/\xff",
                    b"/#a",
                    b"?",
                    b"health",
                ),
                *(b"/static/..%2f..%2f.env", b"/static/%5c..%5c.env", b"/" + b"a/" * 4_000),
                *(
                    b"/health?" + b"a=1&" * 1_000,
                    b"/" + b"a" * 70_000,
                    b"/rooms/%zz",
                    b"/;x",
                    b"/:",
                ),
            )
        ),
        *(
            b"\0" * 100,
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"SSH-2.0-x\r\n",
            b"a\r\n\r\n",
        ),
        *(b"*1\r\n$4\r\nPING\r\n", b"HELO here\r\n\r\n", b"\x05\x01\x00", b"{}\r\n\r\n", b"GET"),
        get.replace(b"here", b"a" * 5_000) + b"\r\n",
        *(
            get.replace(b"here", bad) + b"\r\n"
            for bad in (b"", b" ", b"a b", b"a/b", b"[::1", b"@", b"a:b")
        ),
        get + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n",
        get + b"Expect: x\r\n\r\n",
        get
        + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\n\r\n",
        *(
            get + b"Range: bytes=" + bad + b"\r\n\r\n"
            for bad in (b"0-", b"9-1", b"-", b"0-0," * 500)
        ),
        *(
            get + b"Accept-Encoding: " + bad + b"\r\n\r\n"
            for bad in (b"gzip;q=x", b",,,", b"*;q=0")
        ),
        *(
            get + b"Accept: " + bad + b"\r\n\r\n"
            for bad in (b"", b"*", b"a/b;q=9", b"," * 500, b"\xff")
        ),
        *(get + b"If-None-Match: " + bad + b"\r\n\r\n" for bad in (b"*", b'"', b"W/", b"x" * 500)),
        *(
            get + b"X-Forwarded-For: " + bad + b"\r\n\r\n"
            for bad in (b"", b"x", b"999.1.1.1", b"," * 99)
        ),
    )
