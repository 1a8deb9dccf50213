"""
Opaque codes: refresh tokens and whatever else is a secret only because nobody can guess it.

The database keeps a hash. The code has 256 random bits, so a fast hash is as good as a slow
one, and whoever steals the table can't use it.
"""

import hashlib
import secrets

_BYTES = 32


def new_code() -> str:
    """A code that nobody can guess: 43 characters that are safe in a URL."""
    return secrets.token_urlsafe(_BYTES)


def code_hash(code: str) -> bytes:
    """What is stored in its place. Never raises: any text has one."""
    return hashlib.sha256(code.encode("utf-8", "surrogatepass")).digest()
