"""
What a browser keeps to open the web client without a network: the manifest and the service worker.

Both have a fixed address beside the page, and name files by their version.
"""

import json
import re
from collections.abc import Mapping
from posixpath import dirname, join, normpath
from typing import Final

from .static_files import File, suffix

# What a page names, what a module imports as it is loaded, and what it imports then or later.
_NAMED: Final = re.compile(rb'"web/([\w./-]+)"')
_IMPORTED: Final = re.compile(rb'\b(?:from|import)\s*"(\.[^"]+)"')
_IMPORTED_LATE: Final = re.compile(rb'\b(?:from|import)\s*\(?\s*"(\.[^"]+)"')


def versioned(source: bytes, version: str) -> bytes:
    """Return a page or manifest with the version in the address of all that it loads."""
    return source.replace(b'"web/', f'"web/{version}/'.encode())


def shell_of(page: bytes, files: Mapping[str, File], *, late: bool) -> list[str]:
    """Return the names of the files that the page loads; with ``late``, also those on demand."""
    imported = _IMPORTED_LATE if late else _IMPORTED
    found: dict[str, None] = {}
    waiting = [name.decode() for name in _NAMED.findall(page)]
    while waiting:
        name = waiting.pop(0)
        # A browser asks for the icon that it wants when it installs the page.
        if name in found or name not in files or suffix(name) == ".png":
            continue
        found[name] = None
        if suffix(name) == ".js":
            paths = imported.findall(files[name].body)
            waiting += [normpath(join(dirname(name), path.decode())) for path in paths]
    return list(found)


def service_worker(source: bytes, page: bytes, files: Mapping[str, File], version: str) -> bytes:
    """Return the service worker's script with what it caches, which differs between versions."""
    first = shell_of(page, files, late=False)
    later = [name for name in shell_of(page, files, late=True) if name not in first]
    shell = {
        "version": version,
        "files": [f"web/{version}/{name}" for name in first],
        "later": [f"web/{version}/{name}" for name in later],
    }
    return f"const SHELL = {json.dumps(shell, indent=1)};\n".encode() + source
