"""
Redaction of log texts. Pure: text in, text out.

*Redacting* masks secrets: tokens, passwords, keys, and the texts of users. *Escaping* neutralizes
what would forge a log line or control a terminal. Both are idempotent.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

MASK = "***"

# A request line may have 64 KiB; its beginning is enough to recognize it.
MAX_VALUE_CHARACTERS = 1_000

_SECRET_NAMES = frozenset(
    "access_token authorization client_secret cookie current_password invite_code jwt "
    "new_password password password_hash proxy_authorization refresh_token "
    "sec_websocket_protocol secret secret_key secret_keys_old set_cookie token".split()
)
# What users write: messages and search queries, and the fields that contain them.
_TEXT_NAMES = frozenset("body bytes data edited_text q query snippet text".split())

# Parameters of Parley's API that are harmless. The values of all others are masked.
_HARMLESS_PARAMETERS = frozenset(
    "after around before by epoch last limit member room since wait".split()
)
_PARAMETER = re.compile(r"(?<=[?&])([^=&\s\"'#?]{1,200})=([^&\s\"'#]*)")

_JWT = re.compile(r"eyJ[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_=-]*){0,4}")
_BEARER = re.compile(r"(?i)\b(bearer|basic)(?:\s+|\.|%20|\+)[A-Za-z0-9._~+/=%-]{8,}")
_HEADER = re.compile(
    r"(?im)\b((?:proxy-)?authorization|(?:set-)?cookie|sec-websocket-protocol)\b([\"']?: ?).*$"
)
_VALUE = r"""(?:"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|[^\s,;&)\]}"'][^\s,;&)\]}]*)"""
_SECRET = re.compile(
    r"(?i)\b(access_token|refresh_token|token|(?:current_|new_)?password|client_secret"
    r"|secret_keys?(?:_old)?|secret)([\"']?\s?[:=]\s?)[bru]{0,2}" + _VALUE
)
_TEXT = re.compile(r"""(["'](?:text|edited_text|snippet|body)["']: ?)""" + _VALUE)
_INVITE = re.compile(r"(/invites/)[^/\s?\"']+")

# Values that libraries quote in exceptions: bound parameters, rows, rejected input.
_QUOTED = [
    (re.compile(r"\[parameters: .*"), f"[parameters: {MASK}]"),
    (re.compile(r"(invalid input for query argument \$\d+[^:]*: ).*"), rf"\1{MASK}"),
    (re.compile(r"((?:Failing row contains|DETAIL: +Key) ).*"), rf"\1{MASK}"),
    (re.compile(r"input_value=.*?, input_type="), f"input_value={MASK}, input_type="),
]

# A text of these characters alone has none of the delimiters that the other patterns need.
_WORDS = re.compile(r"[\w./@-]*", re.ASCII)

# C0, DEL and C1; line and paragraph separators; bidirectional marks; lone surrogates.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


def redact(text: str) -> str:
    """``text`` with credentials and the texts of users masked."""
    if _WORDS.fullmatch(text) and not _may_have_secret(text):
        return text
    text = _JWT.sub("[token]", text)
    text = _HEADER.sub(rf"\1\2{MASK}", text)
    text = _BEARER.sub(rf"\1 {MASK}", text)
    text = _PARAMETER.sub(_parameter, text)
    text = _SECRET.sub(rf"\1\2{MASK}", text)
    text = _TEXT.sub(rf"\1{MASK}", text)
    text = _INVITE.sub(rf"\1{MASK}", text)
    for pattern, replacement in _QUOTED:
        text = pattern.sub(replacement, text)
    return text


def escape(text: str) -> str:
    """``text`` on one line: control characters and bidirectional marks are spelled out."""
    if text.isascii() and text.isprintable():
        return text
    return _UNSAFE.sub(_escaped, text)


def fact(name: str, value: object) -> object:
    """The safe value of the field ``name``: numbers unchanged, the rest as redacted text."""
    if value is None or isinstance(value, (bool, int, float)):
        return MASK if _is_secret(name) and value is not None else value
    if _is_secret(name):
        return MASK
    return _shorten(escape(redact(str(value))))


def argument(value: object) -> object:
    """
    The safe value of an argument of any log call.

    Its type stays what the format expects. Values other than texts, mappings and frames are
    returned unchanged, so the finished message has to be redacted too.

    """
    if isinstance(value, str):
        return _shorten(escape(redact(value)))
    if isinstance(value, Mapping):
        return _mapping(value)
    if _is_frame(value):
        return _frame(value)
    return value


def _may_have_secret(words: str) -> bool:
    """Whether a text that matches ``_WORDS`` may match ``_JWT``, ``_BEARER`` or ``_INVITE``."""
    if "eyJ" in words or "/invites/" in words:
        return True
    lower = words.lower()
    return "bearer." in lower or "basic." in lower


@lru_cache(1_000)
def _is_secret(name: str) -> bool:
    normalized = name.lower().replace("-", "_")
    return normalized in _SECRET_NAMES or normalized in _TEXT_NAMES


def _parameter(match: re.Match[str]) -> str:
    name, value = match.groups()
    return f"{name}={value if name in _HARMLESS_PARAMETERS else MASK}"


def _escaped(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")


def _shorten(text: str) -> str:
    if len(text) <= MAX_VALUE_CHARACTERS:
        return text
    return f"{text[:MAX_VALUE_CHARACTERS]}…"


def _mapping(value: Mapping[object, object]) -> dict[object, object]:
    """An ASGI scope or message: tokens are in its query and headers."""
    return {key: _item(key, item) for key, item in value.items()}


def _item(key: object, item: object) -> object:
    if key == "query_string":
        query = item.decode("latin-1") if isinstance(item, bytes) else str(item)
        return redact(f"?{query}")[1:]
    if key in ("headers", "subprotocols", "state"):
        return MASK
    return fact(str(key), item)


def _is_frame(value: object) -> bool:
    return hasattr(value, "opcode") and hasattr(value, "data")


def _frame(value: object) -> str:
    """A frame as the websockets library logs it, without its content."""
    opcode, data = getattr(value, "opcode", None), getattr(value, "data", b"")
    return f"{getattr(opcode, 'name', opcode)} [{len(data)} bytes]"
