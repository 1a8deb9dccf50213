"""
Opaque codes, such as refresh tokens and invite codes: random and unguessable.

The database stores a hash, so a stolen table contains no usable code. A code has 256 random bits,
so a fast hash is as safe as a slow one.
"""

import hashlib
import secrets

_BYTES = 32


def new_code() -> str:
    """A new random code: 43 URL-safe characters."""
    return secrets.token_urlsafe(_BYTES)


def code_hash(code: str) -> bytes:
    """The hash to store, 32 bytes. Never raises, whatever the text."""
    return hashlib.sha256(code.encode("utf-8", "surrogatepass")).digest()
