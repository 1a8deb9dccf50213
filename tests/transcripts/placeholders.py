"""Replaces values that differ from run to run: equal values by equal placeholders."""

import re
from collections.abc import Callable

# Times of this century. Later ones were chosen by a test, or mean "for ever".
_TIME = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_STAMP = re.compile(r"20\d{6}T\d{6}Z")
_HTTP_DATE = re.compile(r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT")

# What comes before a value, and the value. Each kind is numbered separately.
_NUMBERED = (
    ("token", re.compile(r"()(eyJ[\w-]+\.[\w-]+\.[\w-]+)")),
    ("refresh-token", re.compile(r'("refresh_token":")([\w-]{43})')),
    ("request-id", re.compile(r'("?request[_-]id"?[:=] ?"?)([0-9a-f]{8})\b')),
    ("epoch", re.compile(r'(?m)("epoch":"|x-epoch: |id: \d+-|\A)([0-9a-f]{12})(?="|$)')),
    ("invite", re.compile(r'("uses":\d+,"code":")([\w-]+)')),
    ("cursor", re.compile(r'("next":")([\w=-]+)')),
    ("room", re.compile(r"(dm-)([a-z0-9]{20})")),
    ("id", re.compile(r'((?:"id":|/sessions/|/invites/))(\d+)(?![\w-])')),
    ("number", re.compile(r"(deleted-)(\d+)")),
)

# Durations and sizes.
_ELAPSED = (
    (re.compile(r'("retry_after":)[\d.]+'), r"\1<seconds>"),
    (re.compile(r'("type":"(?:welcome|ack|auth_expiring)".*?"expires_in":)\d+'), r"\1<seconds>"),
    (re.compile(r'("reconnect_in_ms":)\d+'), r"\1<ms>"),
    (re.compile(r'(\b"?ms"?[:=] ?)[\d.]+'), r"\1<ms>"),
    (re.compile(r"(?m)^(retry-after: )\d+"), r"\1<seconds>"),
    (re.compile(r"[\d,]+ bytes\. It has"), "<bytes> bytes. It has"),
    # What `parley torture` counts.
    (re.compile(r"\b\d+ (messages sent|acknowledged|retried|duplicates|connections)"), r"<n> \1"),
    (re.compile(r"\b\d+ (events (?:received|in the logs))"), r"<n> \1"),
    (re.compile(r"; \d+ s, seed"), "; <n> s, seed"),
)


class Placeholders:
    """The values that occur in one transcript."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        self._expected: dict[str, str] = {}

    def know(self, value: str, placeholder: str) -> None:
        """Replace ``value`` with ``<placeholder>`` from now on."""
        self._known[value] = f"<{placeholder}>"

    def expect(self, value: str, kind: str) -> None:
        """Number ``value`` as one of its kind when it first occurs."""
        self._expected[value] = kind

    def apply(self, text: str) -> str:
        """``text`` with placeholders."""
        text = self._replace_known(text)
        for kind, pattern in _NUMBERED:
            text = pattern.sub(self._numbering(kind), text)
        for value in [value for value in self._expected if value in text]:
            self._number(self._expected.pop(value), value)
        text = self._replace_known(text)
        text = _TIME.sub("<time>", text)
        text = _STAMP.sub("<time>", text)
        text = _HTTP_DATE.sub("<date>", text)
        for pattern, shown in _ELAPSED:
            text = pattern.sub(shown, text)
        return text

    def _replace_known(self, text: str) -> str:
        # Also where the value stands alone, as in a path or a form. A short number is replaced
        # only where its context shows that it is an id: its key is no text that occurs.
        for value, placeholder in sorted(self._known.items(), key=lambda pair: -len(pair[0])):
            text = text.replace(value, placeholder)
        return text

    def _numbering(self, kind: str) -> Callable[[re.Match[str]], str]:
        def placeholder(found: re.Match[str]) -> str:
            before, value = found[1], found[2]
            return before + self._number(kind, value)

        return placeholder

    def _number(self, kind: str, value: str) -> str:
        key = value if len(value) > 8 else f"\0{kind} {value}"
        if key not in self._known:
            count = self._counts[kind] = self._counts.get(kind, 0) + 1
            # There is rarely a second epoch.
            self._known[key] = (
                f"<{kind}>" if (kind, count) == ("epoch", 1) else f"<{kind}-{count}>"
            )
        return self._known[key]
