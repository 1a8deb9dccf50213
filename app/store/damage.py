"""What SQLite, or a checksum of ours, reports of a damaged file."""

import sqlite3

import sqlalchemy as sa

from ..domain.errors import Unavailable

# https://www.sqlite.org/rescode.html: the low byte is the primary code.
_STRUCTURE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_NOT_UTF8 = "Could not decode to UTF-8"
_MALFORMED_JSON = "malformed JSON"


class Damaged(Unavailable):
    """
    An event that was read is not what was written. Clients get ``unavailable``.

    ``what`` says which, for the operator.
    """

    def __init__(self, what: str) -> None:
        super().__init__()
        self.what = what


class Damage:
    """
    A finding of damage.

    ``in_structure``: whether it concerns the structure of the file, so that writing to it could
    destroy more; else one row.
    """

    __slots__ = ("in_structure", "what")

    def __init__(self, what: str, *, in_structure: bool) -> None:
        self.what = what
        self.in_structure = in_structure


def damage(exc: BaseException) -> Damage | None:
    """Return the damage that an exception reports; None if it has another cause."""
    if isinstance(exc, Damaged):
        return Damage(exc.what, in_structure=False)
    if isinstance(exc, UnicodeDecodeError):
        # A name in the schema, in an error message of SQLite.
        return Damage("a text is not UTF-8", in_structure=False)
    if isinstance(exc, sa.exc.DBAPIError) and exc.orig is not None:
        exc = exc.orig
    if not isinstance(exc, sqlite3.Error):
        return None
    code = getattr(exc, "sqlite_errorcode", None)
    if code is not None and code & 0xFF in _STRUCTURE:
        # The search index can be built anew from the messages.
        return Damage(str(exc), in_structure=code != sqlite3.SQLITE_CORRUPT_VTAB)
    text = str(exc)
    if text.startswith(_NOT_UTF8):
        # Without the text itself, which may be a user's.
        return Damage(text.partition(" with text")[0], in_structure=False)
    if text == _MALFORMED_JSON:
        return Damage(text, in_structure=False)
    return None
