"""
Files that a browser loads, read once and kept in memory, compressed.

A set of files has a version, the hash of all of them. Under a path with the
version a file never changes and is cached for good; under one without, it is
revalidated each time. Relative imports between modules keep the version.
"""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePath
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

# Set explicitly: the system's MIME table differs between machines, and browsers
# reject modules that are not served as JavaScript.
_MEDIA_TYPES: Final[Mapping[str, str]] = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}

REVALIDATE: Final = "no-cache"
"""A new version shows at the first reload, and an unchanged file costs a 304."""

FOR_GOOD: Final = "public, max-age=31536000, immutable"
"""For an address that contains the hash of what it names (RFC 8246)."""

# Hex digits of a SHA-256 that tell versions and files apart.
_DIGITS: Final = 16

_SMALL_BYTES: Final = 512
"""Compressing fewer bytes than this saves nothing on the network."""


@dataclass(frozen=True)
class File:
    """One file's bytes; compressed when it is first asked for."""

    name: str
    body: bytes

    @cached_property
    def digest(self) -> str:
        """The hash of its bytes."""
        return hashlib.sha256(self.body).hexdigest()[:_DIGITS]

    @cached_property
    def compressed(self) -> bytes:
        """Its bytes as gzip, without a time, so that they are the same on every node."""
        return gzip.compress(self.body, 9, mtime=0)

    def answer(self, request: Request, headers: Mapping[str, str], *, caching: str) -> Response:
        """Return the file, or 304 if the client holds it already."""
        # Weak: the same for both encodings (RFC 9110, section 8.8.1).
        etag = f'W/"{self.digest}"'
        sent = {**headers, "Cache-Control": caching, "Vary": "Accept-Encoding"}
        if caching is not FOR_GOOD:
            # What never changes is not asked for again.
            sent["ETag"] = etag
        if etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=sent)
        body = self.body
        if len(body) >= _SMALL_BYTES and accepts_gzip(request):
            body = self.compressed
            sent["Content-Encoding"] = "gzip"
        # A header, not an argument: Starlette would add a charset of its own.
        return Response(body, headers={**sent, "Content-Type": _MEDIA_TYPES[suffix(self.name)]})


def version_of(files: Mapping[str, File]) -> str:
    """Return the hash of all files and their names."""
    whole = hashlib.sha256()
    for name, file in sorted(files.items()):
        whole.update(f"{name} {file.digest}\n".encode())
    return whole.hexdigest()[:_DIGITS]


def without_comments(source: bytes) -> bytes:
    """
    Blank the lines of a script or style that hold nothing but a comment.

    They are a third of what a browser would load. Numbers of lines stay. A comment
    counts if it begins a line and ends one; a template string with such a line would
    be changed, so the web client has none.
    """
    lines = []
    is_inside = False
    for line in source.split(b"\n"):
        text = line.strip()
        if not is_inside and text.startswith(b"/*"):
            is_inside = b"*/" not in text
            # Code behind a comment stays, and with it the comment.
            lines.append(b"" if is_inside or text.endswith(b"*/") else line)
        elif is_inside:
            is_inside = b"*/" not in text
            lines.append(b"" if is_inside or text.endswith(b"*/") else text.partition(b"*/")[2])
        else:
            lines.append(b"" if text.startswith(b"//") else line)
    return b"\n".join(lines)


def accepts_gzip(request: Request) -> bool:
    """Whether the client takes gzip. A weight of 0 refuses it (RFC 9110, section 12.5.3)."""
    for item in request.headers.get("accept-encoding", "").split(","):
        coding, _, weight = item.partition(";")
        if coding.strip().lower() == "gzip":
            return weight.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False


def suffix(name: str) -> str:
    """Return the suffix of a file's name, with its dot."""
    return PurePath(name).suffix
