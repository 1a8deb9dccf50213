"""What differs from run to run, replaced: the same value by the same placeholder."""

import re
from collections.abc import Callable

# Of this century: what is later was chosen by the test, or is for good.
_TIME = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_HTTP_DATE = re.compile(r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT")

# Whole values, each kind with numbers of its own.
_NUMBERED = (
    ("token", re.compile(r"()(eyJ[\w-]+\.[\w-]+\.[\w-]+)")),
    ("refresh-token", re.compile(r'("refresh_token":")([\w-]{43})')),
    ("request-id", re.compile(r'("?request_id"?[:=] ?"?)([0-9a-f]{8})\b')),
    ("epoch", re.compile(r'("epoch":"|\A)([0-9a-f]{12})(?="|\Z)')),
    ("invite", re.compile(r'("uses":\d+,"code":")([\w-]+)')),
    ("cursor", re.compile(r'("next":")([\w=-]+)')),
    ("room", re.compile(r"(dm-)([a-z0-9]{20})")),
    ("id", re.compile(r'((?:"id":|/sessions/|/invites/))(\d+)\b')),
    ("number", re.compile(r"(deleted-)(\d+)")),
)

# Values that say nothing but how long something took, or takes.
_ELAPSED = (
    (re.compile(r'("retry_after":)[\d.]+'), r"\1<seconds>"),
    (re.compile(r'("type":"(?:welcome|ack|auth_expiring)".*?"expires_in":)\d+'), r"\1<seconds>"),
    (re.compile(r'("reconnect_in_ms":)\d+'), r"\1<ms>"),
    (re.compile(r'(\b"?ms"?[:=] ?)[\d.]+'), r"\1<ms>"),
    (re.compile(r"(?m)^(retry-after: )\d+"), r"\1<seconds>"),
    (re.compile(r"[\d,]+ bytes\. It has"), "<bytes> bytes. It has"),
)


class Placeholders:
    """The values that were met in one transcript."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        self._expected: dict[str, str] = {}

    def know(self, value: str, placeholder: str) -> None:
        """Have ``value`` shown as ``<placeholder>`` from now on."""
        self._known[value] = f"<{placeholder}>"

    def expect(self, value: str, kind: str) -> None:
        """Have ``value`` shown as one of its kind, once it is met."""
        self._expected[value] = kind

    def apply(self, text: str) -> str:
        """``text`` with what differs replaced."""
        for kind, pattern in _NUMBERED:
            text = pattern.sub(self._numbering(kind), text)
        for value in [value for value in self._expected if value in text]:
            self._number(self._expected.pop(value), value)
        # Also where nothing but the value itself shows what it is: in a path, in a form.
        for value, placeholder in sorted(self._known.items(), key=lambda pair: -len(pair[0])):
            text = text.replace(value, placeholder)
        text = _TIME.sub("<time>", text)
        text = _HTTP_DATE.sub("<date>", text)
        for pattern, shown in _ELAPSED:
            text = pattern.sub(shown, text)
        return text

    def _numbering(self, kind: str) -> Callable[[re.Match[str]], str]:
        def placeholder(found: re.Match[str]) -> str:
            before, value = found[1], found[2]
            return before + self._number(kind, value)

        return placeholder

    def _number(self, kind: str, value: str) -> str:
        # A short number is replaced only where it is known to be an id.
        key = value if len(value) > 8 else f"{kind} {value}"
        if key not in self._known:
            count = self._counts[kind] = self._counts.get(kind, 0) + 1
            # There is hardly ever a second epoch.
            self._known[key] = (
                f"<{kind}>" if (kind, count) == ("epoch", 1) else f"<{kind}-{count}>"
            )
        return self._known[key]
