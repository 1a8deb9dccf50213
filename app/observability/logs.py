"""
One event a line, its facts as fields, and nothing secret in any of them.

Importing this module is enough to have every log record of the process redacted, whoever makes
it and whatever is configured afterwards: uvicorn writes query strings at INFO, every frame at
DEBUG and whole scopes at TRACE. It is done where records are made, before any handler.

``configure`` chooses level and format. ``event`` writes a line::

    event(logger, logging.WARNING, "user.login_failed", user=name, ip=ip)
"""

import json
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from random import getrandbits
from typing import Any, Literal, TextIO

from app.observability.redaction import argument, escape, fact, redact

TRACE = 5
"""Below DEBUG, as uvicorn has it: each ASGI message."""

_request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
_connection_id: ContextVar[str | None] = ContextVar("connection_id", default=None)

# Their details are statements with the texts and hashes that are bound to them.
_DATABASE_LOGGERS = ("aiosqlite", "alembic", "asyncpg", "sqlalchemy")
# Chatter about our own clients' connections, and about what the event loop does.
_QUIET_LOGGERS = (*_DATABASE_LOGGERS, "asyncio", "httpcore2", "httpx2", "watchfiles")
_UVICORN_LOGGERS = ("uvicorn", "uvicorn.access", "uvicorn.asgi", "uvicorn.error")

# What every record has; anything else came with ``extra=``.
_ORDINARY = frozenset(logging.makeLogRecord({}).__dict__) | {
    "_connection_id",
    "_request_id",
    "asctime",
    "color_message",
    "facts",
    "message",
    "taskName",
}


def event(logger: logging.Logger, level: int, name: str, /, **facts: object) -> None:
    """
    Log that something happened.

    Args:
        name: What, as ``noun.verb``: always the same words, so that it can be searched for.
        facts: To whom, from where, how much. A field whose name stands for a secret or for
            somebody's text is masked.

    """
    if logger.isEnabledFor(level):
        logger.log(level, "%s", name, extra={"facts": facts}, stacklevel=2)


@contextmanager
def log_context(*, request: str) -> Iterator[None]:
    """Name the request in every line that is logged in here, tasks included."""
    token = _request_id.set(request)
    try:
        yield
    finally:
        _request_id.reset(token)


def name_connection(connection: str) -> None:
    """Name the connection in every line that this task logs from here on, and its own tasks."""
    _connection_id.set(connection)


def new_id() -> str:
    """What tells one request or connection from others in the log. It is no secret."""
    # From a generator of the process's own: nothing is asked of the system for each request.
    return f"{getrandbits(32):08x}"


def configure(
    level: str = "info",
    log_format: Literal["text", "json"] = "text",
    stream: TextIO | None = None,
) -> None:
    """
    Log this level and above to ``stream`` (standard error), uvicorn's lines included.

    Idempotent. To keep it, uvicorn must be started with ``log_config=None``.

    """
    number = logging.getLevelNamesMapping()[level.upper()]
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter() if log_format == "json" else TextFormatter())
    root = logging.getLogger()
    for old in root.handlers[:]:
        if isinstance(old.formatter, (JsonFormatter, TextFormatter)):
            root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(number)
    for name in _UVICORN_LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(number)
    if number > logging.DEBUG:
        # Three lines for each connection, which say less than ours.
        logging.getLogger("uvicorn.error").setLevel(max(number, logging.WARNING))
    for name in _QUIET_LOGGERS:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))


class TextFormatter(logging.Formatter):
    """``time LEVEL logger event key=value …``; a traceback follows, each line marked ``|``."""

    def format(self, record: logging.LogRecord) -> str:
        facts = "".join(f" {name}={_quoted(value)}" for name, value in _facts(record).items())
        line = f"{_time(record)} {record.levelname:<7} {record.name} {_message(record)}{facts}"
        return "\n  | ".join([line, *map(escape, _traceback(record).splitlines())])


class JsonFormatter(logging.Formatter):
    """One JSON object a line, in ASCII."""

    def format(self, record: logging.LogRecord) -> str:
        fields = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": _message(record),
        }
        if traceback := _traceback(record):
            fields["traceback"] = traceback
        # What we say of a record goes before what was said with it under the same name.
        return json.dumps({**fields, **_facts(record), **fields})


def _facts(record: logging.LogRecord) -> dict[str, object]:
    given: dict[str, object] = {
        name: value for name, value in record.__dict__.items() if name not in _ORDINARY
    }
    given.update(getattr(record, "facts", {}))
    for name in ("request_id", "connection_id"):
        if value := getattr(record, f"_{name}", None):
            given[name] = value
    return {escape(name): fact(name, value) for name, value in given.items()}


def _message(record: logging.LogRecord) -> str:
    return escape(redact(record.getMessage()).rstrip())


def _traceback(record: logging.LogRecord) -> str:
    return redact(record.exc_text or "")


def _time(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _quoted(value: object) -> str:
    text = str(value)
    if text and not any(mark in text for mark in ' "=\\'):
        return text
    return json.dumps(text, ensure_ascii=False)


# Redaction, where records are made


def _install() -> None:
    make = logging.getLogRecordFactory()
    if getattr(make, "redacts", False):
        return

    def redacted(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make(*args, **kwargs)
        _redact(record)
        record._request_id = _request_id.get()
        record._connection_id = _connection_id.get()
        return record

    redacted.redacts = True  # type: ignore[attr-defined]
    logging.addLevelName(TRACE, "TRACE")
    logging.setLogRecordFactory(redacted)


def _redact(record: logging.LogRecord) -> None:
    """Rewrite the record in place. Its arguments keep their number and types: formatters count."""
    if str(record.name).startswith(_DATABASE_LOGGERS) and record.levelno < logging.WARNING:
        record.msg, record.args = "a statement, left out", None
        return
    if isinstance(record.args, Mapping):
        record.args = {name: argument(value) for name, value in record.args.items()}
    elif record.args:
        record.args = tuple(map(argument, record.args))
    if record.exc_info and record.exc_info[0] is not None and not record.exc_text:
        # Formatters take this text instead of making their own.
        record.exc_text = redact(logging.Formatter().formatException(record.exc_info))
    # A secret can stand across an argument's border, as in "token=%s", or in an object's str.
    try:
        message = record.getMessage()
    except Exception:  # somebody's __str__ or format is broken: logging reports it, we must not
        return
    safe = redact(message)
    if safe != message and record.name != "uvicorn.access":
        record.msg, record.args = safe, None


_install()
