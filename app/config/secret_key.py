"""
The installation's secret: what is too weak to be one, and how one is made and kept.

Nothing here is shown to anybody: no message repeats a secret, whole or in part.
"""

import os
import re
import secrets
from pathlib import Path
from tempfile import NamedTemporaryFile

from app.domain.limits import MIN_SECRET_BYTES

# A key of fewer different characters was typed by leaning on the keyboard: of keys of 32 random
# hexadecimal digits, less than one in ten million has so few.
_MIN_DIFFERENT = 8

# Keys that stand in tutorials, long enough to pass otherwise.
_PUBLISHED = frozenset(
    {
        "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
        "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",
        "abcdefghijklmnopqrstuvwxyz0123456789",
        "abcdefghijklmnopqrstuvwxyz1234567890",
        "abcdefghijklmnopqrstuvwxyz123456",
    }
)

# Words that are left in a key by whoever meant to replace it. Only letters are compared.
_LEFT_OVER = re.compile(
    "changeme|changethis|changeit|replaceme|replacethis|yoursecret|yoursupersecret|mysecret"
    "|supersecret|topsecret|verysecret|secretkey|secretsecret|astringsecret|bitsecret"
    "|insecure|placeholder|donotuse|dontuse|notasecret|example|development|testing|password"
)


class MissingSecret(Exception):
    """There is a file for the secret, and no secret in it."""


def check_secret(secret: str) -> None:
    """
    Refuse what can be guessed.

    Raises:
        ValueError: If it is short, published, or plainly not random.

    """
    remedy = "Make one with: openssl rand -hex 32"
    if len(secret.encode("utf-8", "replace")) < MIN_SECRET_BYTES:
        raise ValueError(f"is shorter than {MIN_SECRET_BYTES} bytes. {remedy}")
    plain = secret.lower()
    if plain in _PUBLISHED or _LEFT_OVER.search(re.sub("[^a-z]", "", plain)):
        raise ValueError(f"is an example that everybody knows. {remedy}")
    if len(set(plain)) < _MIN_DIFFERENT or re.fullmatch(r"(.{1,16}?)\1+.{0,15}", plain, re.S):
        raise ValueError(f"repeats itself and can be guessed. {remedy}")


def keep_secret(path: Path) -> str:
    """
    The secret in this file, made now if there is no file.

    It is written elsewhere and linked into place, so that nobody ever reads half of one, and
    of two processes that make one at once the second takes what the first made.

    Raises:
        MissingSecret: If the file holds no secret that is good enough.
        OSError: If it can be neither read nor made.

    """
    try:
        return _read(path)
    except FileNotFoundError:
        _make(path)
        return _read(path)


def _read(path: Path) -> str:
    secret = path.read_text("utf-8", "replace").strip()
    try:
        check_secret(secret)
    except ValueError:
        raise MissingSecret(
            f"{path} holds none that is good enough. Restore it; or delete it, "
            "which logs everybody out."
        ) from None
    return secret


def _make(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Made with mode 0600 by the library, so that it is never readable for others.
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
