"""Bad frames of a WebSocket: broken JSON, each field with each value, requests out of order."""

import json
from collections.abc import Iterator
from random import Random
from typing import Any

from tests.crash.bad_input.values import FOR_FIELDS, INVALID_UTF8, Raw, encode

VALID: dict[str, dict[str, Any]] = {
    "join": {"room": "general", "since": 0, "limit": 10, "epoch": "e"},
    "leave": {"room": "general"},
    "send": {"room": "general", "text": "hi", "reply_to": 1, "data": {"a": 1}},
    "edit": {"room": "general", "ref": 1, "text": "hi"},
    "delete": {"room": "general", "ref": 1},
    "react": {"room": "general", "ref": 1, "emoji": "👍", "on": True},
    "pin": {"room": "general", "ref": 1, "on": True},
    "read": {"room": "general", "seq": 1, "force": True},
    "typing": {"room": "general", "on": True},
    "auth": {"token": "a.b.c"},
    "ping": {},
}
"""A request of each type, with all of its fields."""

# Everything that a field may be would be sent to the fields of one type only.
_WIDE = "send"


def fixed() -> Iterator[bytes]:
    """The payloads of all fixed text frames."""
    yield from broken_json()
    yield from wrong_fields()
    yield from out_of_order()


def broken_json() -> Iterator[bytes]:
    """What is not one JSON object, or is a strange one."""
    whole = b'{"type":"send","id":"1","room":"general","text":"h\xc3\xa9"}'
    yield from (whole[:length] for length in range(len(whole)))
    yield from (whole[:at] + b"\0" + whole[at:] for at in range(0, len(whole), 3))
    text = whole.decode()
    yield from (text.encode(code) for code in ("utf-16", "utf-16-le", "utf-32", "utf-8-sig"))
    yield from (
        *(whole + whole, whole + b"]", whole + b"//", b"//\n" + whole, b"/**/" + whole),
        *(b"[" + whole + b"]", whole.replace(b'"', b"'"), whole[:-1] + b",}", whole[:-1] + b";}"),
        *(
            b"",
            b" ",
            b"\n",
            b"{",
            b"}",
            b"[]",
            b"{}",
            b"{,}",
            b"null",
            b"true",
            b"0",
            b'""',
            b'"a"',
        ),
        *(
            b"[1]",
            b"{{}}",
            b'{"type"}',
            b'{"type":}',
            b'{:"a"}',
            b'{type:"ping"}',
            b"{1:2}",
            b"\xff",
        ),
        *(b'{"type":"ping","type":"send"}', b'{"type":"ping","id":"1","id":"2"}', b'{"":""}'),
        *(b'{"type":"ping","__proto__":{"a":1}}', b'{"type":"ping","id":"1","ID":"2"}'),
        json.dumps(text).encode(),
        b'{"type":"send","room":"general","text":"' + b"\\u0041" * 5_000 + b'"}',
        b'{"type":"send","room":"general","text":"\\x"}',
        b'{"type":"send","room":"general","text":"\\u12"}',
        b'{"type":"send","room":"general","text":"\t"}',
    )
    for deep in (20, 200, 1_000, 30_000):
        yield b"[" * deep
        yield b'{"a":' * min(deep, 12_000)
        yield (
            b'{"type":"send","room":"general","text":"a","data":'
            + b"[" * deep
            + b"]" * deep
            + b"}"
        )


def wrong_fields() -> Iterator[bytes]:
    """Each field of each request with values that it can't have, and some that it can."""
    yield from (encode({"type": value}) for value in FOR_FIELDS)
    yield from (encode({"type": "ping", "id": value}) for value in FOR_FIELDS)
    for type, fields in VALID.items():
        request = {"type": type, **fields}
        yield encode({**request, "extra": 1})
        yield from (encode({**request, name.upper(): 1}) for name in fields)
        for name in fields:
            yield encode({key: value for key, value in request.items() if key != name})
            values = FOR_FIELDS if type == _WIDE else FOR_FIELDS[::4]
            yield from (encode({**request, name: value}) for value in values)
    yield from (encode({"type": name, "room": "general"}) for name in _types())


def _types() -> list[Any]:
    known = [*VALID, "welcome", "joined", "ack", "error", "message.created", "drain", "hello"]
    return [*(name.upper() for name in known), *(f"{name} " for name in known), *known[11:]]


def out_of_order() -> Iterator[bytes]:
    """Requests that are well-formed, at the wrong time, twice, or of what is not there."""
    join = {"type": "join", "room": "general", "since": 0}
    for since in (0, 0, 1, 2**31, 2**53 - 1, Raw(str(2**53)), None):
        yield encode({**join, "since": since})
    for room in ("nowhere", "hidden", "direct-x", "quiet"):
        for type, fields in VALID.items():
            if "room" in fields:
                yield encode({"type": type, **fields, "room": room})
    for _ in range(2):
        yield encode({"type": "leave", "room": "general"})
    yield encode({"type": "typing", "room": "general", "on": True})
    yield encode({**join, "limit": 0})
    yield encode({**join, "epoch": "another"})
    for ref in (0, 1, 2, 3, 10**6, 2**32 - 1, 2**32, -1):
        for type in ("edit", "delete", "react", "pin"):
            yield encode({"type": type, **VALID[type], "ref": ref})
    for text in ("one", "another"):
        yield encode({"type": "send", "id": "the-same", "room": "general", "text": text})


def binary() -> Iterator[bytes]:
    """Bytes that are no text."""
    yield from INVALID_UTF8
    yield from (bytes([byte]) * length for byte in (0, 0x7B, 0xFF) for length in (1, 100))


def mutated(count: int, rng: Random) -> Iterator[bytes]:
    """Valid requests with a few changes: of values, or of bytes that leave UTF-8 valid."""
    requests = [{"type": type, "id": "1", **fields} for type, fields in VALID.items()]
    for number in range(count):
        request = dict(rng.choice(requests))
        if number % 2:
            for _ in range(rng.randrange(1, 3)):
                request[rng.choice([*request, "extra"])] = rng.choice(_SMALL)
            yield encode(request)
        else:
            yield _changed(encode(request), rng)


_SMALL = [value for value in FOR_FIELDS if len(encode(value)) < 300]


def _changed(payload: bytes, rng: Random) -> bytes:
    text = payload.decode()
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(text))
        match rng.randrange(4):
            case 0:
                text = text[:at] + rng.choice('{}[]",:\\ \0\n0aé👍\u2028') + text[at + 1 :]
            case 1:
                text = text[:at] + text[at + rng.randrange(1, 9) :] or "{"
            case 2:
                text = text[:at] + text[at:] * 2
            case 3:
                other = rng.randrange(len(text))
                text = text[:at] + text[other:]
        text = text or "{"
    return text[:60_000].encode()
