"""Header fields that an app sends: nothing in them may end their line (RFC 9110, section 5)."""

import re
from collections.abc import Iterable

# RFC 9110, sections 5.1 and 5.5: no token, no field content.
_BAD_NAME = re.compile(rb"[^A-Za-z0-9!#$%&'*+.^_`|~-]")
_BAD_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


def check_fields(fields: Iterable[tuple[bytes, bytes]]) -> None:
    """
    Check the names and values of header fields.

    Raises:
        RuntimeError: If one of them is not legal.

    """
    names, values = [], []
    for name, value in fields:
        names.append(name)
        values.append(value)
    if _BAD_NAME.search(b"".join(names)) or _BAD_VALUE.search(b"".join(values)):
        raise RuntimeError("A header of the response is not legal.")


def content_length(value: bytes) -> int:
    """
    The value of ``Content-Length``.

    Raises:
        RuntimeError: If it is no number of bytes.

    """
    if not value.isdigit():
        raise RuntimeError("The Content-Length of the response is no number.")
    return int(value)
