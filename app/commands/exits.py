"""
How a command ends when it can't do what it was asked for: one line, and a code.

    0  done
    1  not done; the line says why
    2  the command line or a setting can't be meant
    3  another process has the database
"""

from app.config.settings import SettingsError
from app.domain.errors import ParleyError
from app.store.errors import Locked, StoreError
from app.transport.server import ListenError

FAILED = 1
MISUSED = 2
LOCKED = 3


class CommandError(Exception):
    """It can't be done. The text is a sentence for the operator."""


class Misuse(CommandError):
    """What was asked for makes no sense here."""


def verdict(exc: BaseException) -> tuple[str, int] | None:
    """The line and the code for what went wrong; None if it is a fault of ours."""
    while isinstance(exc, BaseExceptionGroup) and len(exc.exceptions) == 1:
        # Whoever opens things in a task group raises a group.
        exc = exc.exceptions[0]
    match exc:
        case SettingsError() | Misuse():
            return str(exc), MISUSED
        case Locked():
            return str(exc), LOCKED
        case StoreError() | ListenError() | CommandError():
            return str(exc), FAILED
        case ParleyError():
            return exc.detail, FAILED
    return None
