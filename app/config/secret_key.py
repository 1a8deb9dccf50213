"""
The installation's secret key: which are too weak, and how one is generated and stored.

No error message contains a secret, in whole or in part.
"""

import os
import re
import secrets
from pathlib import Path
from tempfile import NamedTemporaryFile

from ..domain.limits import MIN_SECRET_BYTES

# Keys with fewer distinct characters are not random: of keys of 32 random hexadecimal digits, less
# than one in ten million has so few.
_MIN_DISTINCT_CHARACTERS = 8

# Keys from tutorials that are long enough to pass the other checks.
_PUBLISHED = frozenset(
    {
        "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
        "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",
        "abcdefghijklmnopqrstuvwxyz0123456789",
        "abcdefghijklmnopqrstuvwxyz1234567890",
        "abcdefghijklmnopqrstuvwxyz123456",
    }
)

# Words of placeholder keys. Only the letters of a key are compared.
_PLACEHOLDER = re.compile(
    "changeme|changethis|changeit|replaceme|replacethis|yoursecret|yoursupersecret|mysecret"
    "|supersecret|topsecret|verysecret|secretkey|secretsecret|astringsecret|bitsecret"
    "|insecure|placeholder|donotuse|dontuse|notasecret|example|development|testing|password"
)


class MissingSecret(Exception):
    """The secret file exists, but contains no acceptable secret."""


def check_secret(secret: str) -> None:
    """
    Check that a secret can't be guessed.

    Raises:
        ValueError: If it is short, published, or obviously not random.

    """
    remedy = "Generate one with: openssl rand -hex 32"
    if len(secret.encode("utf-8", "replace")) < MIN_SECRET_BYTES:
        raise ValueError(f"is shorter than {MIN_SECRET_BYTES} bytes. {remedy}")
    plain = secret.lower()
    if plain in _PUBLISHED or _PLACEHOLDER.search(re.sub("[^a-z]", "", plain)):
        raise ValueError(f"is a well-known example. {remedy}")
    if len(set(plain)) < _MIN_DISTINCT_CHARACTERS or re.fullmatch(
        r"(.{1,16}?)\1+.{0,15}", plain, re.S
    ):
        raise ValueError(f"is repetitive and can be guessed. {remedy}")


def load_or_create_secret(path: Path) -> str:
    """
    Return the secret in a file; generate it if there is no file.

    Idempotent, also across processes. A new secret is written to a temporary file and linked into
    place, so no process reads a partial one, and of two that create it at once one wins.

    Raises:
        MissingSecret: If the file contains no acceptable secret.
        OSError: If the file can't be read or created.

    """
    try:
        return _read(path)
    except FileNotFoundError:
        _create(path)
        return _read(path)


def _read(path: Path) -> str:
    secret = path.read_text("utf-8", "replace").strip()
    try:
        check_secret(secret)
    except ValueError:
        raise MissingSecret(
            f"{path} contains no acceptable key. Restore the file; or delete it, "
            "which logs all users out."
        ) from None
    return secret


def _create(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # The library creates it with mode 0600, so it is never readable by others.
    with NamedTemporaryFile("w", dir=path.parent, prefix=".secret_key-") as draft:
        draft.write(secrets.token_hex(MIN_SECRET_BYTES) + "\n")
        draft.flush()
        os.fsync(draft.fileno())
        try:
            os.link(draft.name, path)
        except FileExistsError:
            return
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
