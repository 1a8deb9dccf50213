"""
Values that programs trip over, for any field.

Each list is fixed, so that every run tries the same.
"""

from itertools import chain
from typing import Any

import orjson

from tests.crash.bad_input.injections import INJECTIONS

Json = Any
"""What is sent as JSON; a :class:`Raw` is sent as it is."""


class Raw(str):
    """JSON, or what looks like it, that an encoder would not write."""


def encode(value: Json) -> bytes:
    """The JSON of a value, which may contain :class:`Raw` and lone surrogates."""
    if isinstance(value, Raw):
        return value.encode("utf-8", "surrogatepass")
    if isinstance(value, dict):
        members = (encode(key) + b":" + encode(each) for key, each in value.items())
        return b"{" + b",".join(members) + b"}"
    if isinstance(value, list):
        return b"[" + b",".join(map(encode, value)) + b"]"
    if isinstance(value, str) and not value.isascii():
        # Lone surrogates as escapes, which JSON allows.
        return b'"' + b"".join(map(_escaped, value)) + b'"'
    return orjson.dumps(value)


def _escaped(character: str) -> bytes:
    if "\ud800" <= character <= "\udfff":
        return f"\\u{ord(character):04x}".encode()
    return orjson.dumps(character)[1:-1]


NUMBERS: list[Json] = [
    *map(Raw, ("NaN", "Infinity", "-Infinity", "1e400", "-1e400", "1e999", "-0", "-0.0", "0x10")),
    *map(Raw, ("01", "+1", "1.", ".5", "1e", "1_000", "1.0", "1e0", "1e2", "0.1e1", "1E400")),
    *(0, 1, -1, 2**31 - 1, 2**31, -(2**31) - 1, 2**32 - 1, 2**32, 2**53 - 1),
    *(Raw(str(n)) for n in (2**53, 2**53 + 1, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**64)),
    *(Raw("9" * digits) for digits in (20, 310, 4_300, 5_000)),
    *(0.5, 1.5, -1.5, 1e18, 1e-300, "1", "1.0", " 1", "١", "1\0", True),
    Raw("0." + "9" * 5_000),
]

WRONG_TYPES: list[Json] = [
    *(None, True, False, 0, 1, -1.5, "", "a", [], {}, [None], [[]], [{}], [1, "a"], {"a": 1}),
    {"": ""},
    {"__proto__": {"x": 1}},
    {"constructor": {"prototype": {}}},
    {"$ne": None},
    *([[[[[[1]]]]]], {"a": {"a": {"a": {"a": {}}}}}),
    *(Raw("[" * deep + "]" * deep) for deep in (20, 1_000, 20_000)),
    *(Raw('{"a":' * deep + "1" + "}" * deep) for deep in (20, 1_000, 10_000)),
]

_CONTROLS = [chr(code) for code in chain(range(0x20), range(0x7F, 0xA0))]
_NONCHARACTERS = [
    *map(chr, range(0xFDD0, 0xFDF0)),
    *(chr(plane << 16 | last) for plane in range(17) for last in (0xFFFE, 0xFFFF)),
]
_BIDI = [*"\u061c\u200e\u200f", *map(chr, chain(range(0x202A, 0x202F), range(0x2066, 0x206A)))]
_INVISIBLE = [
    *"\u00ad\u034f\u115f\u1160\u17b4\u180e\u200b\u200c\u200d\u2060\u2061\u2800\u3164\ufeff\uffa0",
    *"\ufe00\ufe0f\U000e0001\U000e0020\U000e0100",
]
_SURROGATES = ["\ud800", "\udfff", "\ude00\ud83d", "a\ud800b", "\udc00", "\ud83d", "\ud83d\ud83d"]

UNICODE: list[Json] = [
    *(f"a{character}b" for character in chain(_CONTROLS, _NONCHARACTERS, _BIDI, _INVISIBLE)),
    *chain(_BIDI, _INVISIBLE, _SURROGATES, "\0\r\n\t\x1b\x7f"),
    *("a" + "\u0301" * marks for marks in (1, 4, 5, 10, 100, 1_000)),
    *("👨‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪", "🇩", "👍🏽", "1️⃣", "❤", "❤️", "☺︎", "👨‍", "‍👨", "🏿"),
    *("é", "e\u0301", "ﬁ", "ſ", "ß", "ẞ", "ı", "İ", "K", "Å", "Å", "ﷺ", "㎏", "①", "２", "ａｎａ"),
    *(
        "раypal",
        "аna",
        "аdmin",
        "ɡeneral",
        "ａｄｍｉｎ",
        "ana\u200b",
        "ana ",
        " ana",
        "ANA",
        "Ana",
    ),
    *("한글", "한글", "שלום", "مرحبا", "नमस्ते", "ไทย", "𐍈", "𝕏", "\U0010ffff", "\U000f0000"),
    *("\u2028", "a\u2028b", "a\u2029b", "a\u0085b", "\ufffd", "\ufffc", "\ue000"),
]

INVALID_UTF8: list[bytes] = [
    *(b"\x80", b"\xbf", b"\xc0\x80", b"\xc0\xaf", b"\xc1\xbf", b"\xc2", b"\xe0\x80\xaf", b"\xe2"),
    *(b"\xe2\x82", b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xf0\x80\x80\xaf", b"\xf0\x9f\x98"),
    *(b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\xf8\x88\x80\x80\x80", b"\xfc\x84\x80\x80\x80"),
    *(b"\xfe", b"\xff", b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf\xc0", b"a\x80b", b"\xc3\x28"),
    *(b"\xed\xa0\xbd\xed\xb8\x80", b"\xe2\x28\xa1", b"\xf0\x28\x8c\xbc", b"\xc3\xa9\xc3"),
]

SIZES: list[Json] = [
    *("x" * length for length in (1, 2, 3, 32, 33, 63, 64, 65, 200, 201, 256, 257)),
    *("x" * length for length in (1_024, 3_999, 4_000, 4_001, 8_192, 30_000, 60_000)),
    *("é" * 4_000, "👍" * 1_000, "👍" * 4_000, "\u0301" * 4_000, " " * 4_000, "\n" * 4_000),
    {f"k{n}": n for n in range(2_000)},
    {"k" * 30_000: 1},
    list(range(5_000)),
]

IDENTIFIERS: list[Json] = [
    *(
        "",
        " ",
        ".",
        "..",
        "/",
        "a" * 255,
        "a" * 256,
        "a" * 10_000,
        "-1",
        "0",
        "1",
        "01",
        "1.0",
        "1e3",
    ),
    *(
        "9" * 19,
        "9" * 30,
        str(2**32 - 1),
        str(2**32),
        str(2**53),
        str(2**63),
        str(2**64),
        "-0",
        "+1",
    ),
    *(
        "NaN",
        "inf",
        "0x1",
        "1_0",
        "١",
        "1 ",
        " 1",
        "true",
        "null",
        "[]",
        "{}",
        "ana,bob",
        "ana\tbob",
    ),
]

FOR_FIELDS: list[Json] = [
    *(*NUMBERS, *WRONG_TYPES, *UNICODE, *SIZES, *INJECTIONS, *IDENTIFIERS),
]
"""Everything above that can be the value of a field."""

FOR_NAMES: list[str] = [
    value
    for value in (*IDENTIFIERS, *INJECTIONS, *UNICODE[::4], *(s for s in SIZES if len(s) < 1_000))
    if isinstance(value, str)
    and not isinstance(value, Raw)
    and value.isprintable() | (value < "!")
]
"""Those that can be a part of a path or of a query."""
