"""
How a command fails: one line on standard error, and an exit code.

    0  done
    1  failed; the line says why
    2  the command line or a setting is invalid
    3  another process is using the database
"""

import sys
from collections.abc import Callable

FAILED = 1
MISUSED = 2
LOCKED = 3


class CommandError(Exception):
    """The command failed. The message is a full sentence for the operator."""


class Misuse(CommandError):
    """The arguments or settings make no sense for this command."""


def exit_status(exc: BaseException) -> tuple[str, int] | None:
    """The line and the exit code for an exception; None if it is a bug."""
    while isinstance(exc, BaseExceptionGroup) and len(exc.exceptions) == 1:
        # A task group wraps the exceptions of what it runs.
        exc = exc.exceptions[0]
    if isinstance(exc, CommandError):
        return str(exc), MISUSED if isinstance(exc, Misuse) else FAILED
    # Not above: importing the server takes over a second, which `parley --help` and the commands
    # that are run against another server need not wait for.
    from ..config.settings import SettingsError
    from ..domain.errors import ParleyError
    from ..store.errors import Locked, StoreError
    from ..transport.file_limit import TooFewFiles
    from ..transport.listening import ListenError

    match exc:
        case SettingsError():
            return str(exc), MISUSED
        case Locked():
            return str(exc), LOCKED
        case StoreError() | ListenError() | TooFewFiles():
            return str(exc), FAILED
        case ParleyError():
            return exc.detail, FAILED
    return None


def exit_with_status(work: Callable[[], object]) -> None:
    """Do the work of a process; if it fails, print the line and exit with the code."""
    try:
        work()
    except Exception as exc:
        # An exception without an exit status is a bug: leave the traceback.
        status = exit_status(exc)
        if status is None:
            raise
        line, code = status
        sys.stderr.write(f"{line}\n")
        sys.exit(code)
