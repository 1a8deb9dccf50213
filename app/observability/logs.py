"""
Structured logging: one event per line, its facts as fields, without secrets.

Importing this module installs a log record factory that redacts every record of the process, of
libraries too and whatever is configured later: uvicorn logs query strings at INFO, every frame at
DEBUG and whole scopes at TRACE. Records are redacted when they are created, before any handler.

:func:`configure` sets level and format. :func:`event` writes a line::

    event(logger, logging.WARNING, "user.login_failed", user=name, ip=ip)
"""

import json
import logging
import sys
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from random import getrandbits
from typing import Any, Literal, TextIO

from .redaction import argument, escape, fact, redact
from .repeats import RepeatHandler

TRACE = 5
"""The level below DEBUG that uvicorn logs ASGI messages at."""

_request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
_connection_id: ContextVar[str | None] = ContextVar("connection_id", default=None)

# They log statements with bound texts and hashes.
_DATABASE_LOGGERS = ("aiosqlite", "alembic", "psycopg", "sqlalchemy")
# Details of HTTP clients and of the event loop, which are noise at INFO.
_QUIET_LOGGERS = (*_DATABASE_LOGGERS, "asyncio", "httpcore2", "httpx2", "watchfiles")
# Several lines for each batch of spans that is not exported, where `traces.failed` is one.
_SILENT_LOGGERS = ("opentelemetry.exporter", "opentelemetry.sdk")
_UVICORN_LOGGERS = ("uvicorn", "uvicorn.access", "uvicorn.asgi", "uvicorn.error")

# Attributes of every record; any others came with ``extra=``.
_STANDARD_ATTRIBUTES = frozenset(logging.makeLogRecord({}).__dict__) | {
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
    Log an event. Safe to call from any thread.

    Args:
        name: The event as ``noun.verb``: constant, so that it can be searched for. All names are
            listed in ``docs/operations.md``.
        facts: The fields of the line. Fields with the name of a secret or of a user's text are
            masked.

    """
    if logger.isEnabledFor(level):
        # The caller's frame is known: ``Logger.log`` would search for it.
        frame = sys._getframe(1)
        code = frame.f_code
        where = (code.co_filename, frame.f_lineno)
        extra = {"facts": facts}
        logger.handle(
            logger.makeRecord(logger.name, level, *where, "%s", (name,), None, code.co_name, extra)
        )


class LogContext:
    """
    Adds ``request_id`` to every line logged inside, also by tasks started inside.

    A class, because every request enters one: ``contextlib`` takes three times as long.
    """

    __slots__ = ("_request", "_token")

    def __init__(self, *, request: str) -> None:
        self._request = request

    def __enter__(self) -> None:
        self._token = _request_id.set(self._request)

    def __exit__(self, *_: object) -> None:
        _request_id.reset(self._token)


def name_connection(connection: str) -> None:
    """Add ``connection_id`` to every line that this task and its child tasks log from now on."""
    _connection_id.set(connection)


def new_id() -> str:
    """A random id of a request or connection for the log. Not a secret."""
    # The process's own generator: no system call per request.
    return f"{getrandbits(32):08x}"


def configure(
    level: str = "info",
    log_format: Literal["text", "json"] = "text",
    stream: TextIO | None = None,
    **facts: object,
) -> None:
    """
    Log this level and above to ``stream`` (default: standard error), including uvicorn's lines.

    Each line also has ``facts``, such as the number of the worker that logs it.

    Idempotent: a second call replaces the handler of the first. Start uvicorn with
    ``log_config=None``, or it replaces this configuration.

    """
    number = logging.getLevelNamesMapping()[level.upper()]
    handler = RepeatHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter(facts) if log_format == "json" else TextFormatter(facts))
    root = logging.getLogger()
    for old in root.handlers[:]:
        if isinstance(old.formatter, (JsonFormatter, TextFormatter)):
            root.removeHandler(old)
            old.close()
    root.addHandler(handler)
    root.setLevel(number)
    for name in _UVICORN_LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(number)
    if number > logging.DEBUG:
        # Three lines per connection that duplicate our own.
        logging.getLogger("uvicorn.error").setLevel(max(number, logging.WARNING))
    for name in _QUIET_LOGGERS:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))
    for name in _SILENT_LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)


class _FactsFormatter(logging.Formatter):
    """Adds ``facts`` to the fields of each line."""

    def __init__(self, facts: Mapping[str, object] | None = None) -> None:
        super().__init__()
        self._given = facts or {}

    def _facts(self, record: logging.LogRecord) -> dict[str, object]:
        return {**self._given, **_facts(record)}


class TextFormatter(_FactsFormatter):
    """``time LEVEL logger event key=value …``; traceback lines follow, prefixed with ``|``."""

    def format(self, record: logging.LogRecord) -> str:
        facts = "".join(f" {name}={_quoted(value)}" for name, value in self._facts(record).items())
        line = f"{_time(record)} {record.levelname:<7} {record.name} {_message(record)}{facts}"
        return "\n  | ".join([line, *map(escape, _traceback(record).splitlines())])


class JsonFormatter(_FactsFormatter):
    """One JSON object per line, in ASCII."""

    def format(self, record: logging.LogRecord) -> str:
        fields = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": _message(record),
        }
        if traceback := _traceback(record):
            fields["traceback"] = traceback
        # Our fields come first and win over facts of the same name.
        return json.dumps({**fields, **self._facts(record), **fields})


def _facts(record: logging.LogRecord) -> dict[str, object]:
    given: dict[str, object] = {
        name: value for name, value in record.__dict__.items() if name not in _STANDARD_ATTRIBUTES
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
    seconds, fraction = divmod(record.created, 1)
    return f"{_second(int(seconds))}.{int(fraction * 1000):03}Z"


@lru_cache(1)
def _second(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"


def _quoted(value: object) -> str:
    text = str(value)
    if text and not any(mark in text for mark in ' "=\\'):
        return text
    return json.dumps(text, ensure_ascii=False)


# Redaction in the log record factory


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
    """Redact in place. The number and types of the arguments stay: formatters rely on them."""
    if str(record.name).startswith(_DATABASE_LOGGERS) and record.levelno < logging.WARNING:
        record.msg, record.args = "statement omitted", None
        return
    if isinstance(record.args, Mapping):
        record.args = {name: argument(value) for name, value in record.args.items()}
    elif record.args:
        record.args = tuple(map(argument, record.args))
    if record.exc_info and record.exc_info[0] is not None and not record.exc_text:
        # Formatters use this text instead of formatting the exception.
        record.exc_text = redact(logging.Formatter().formatException(record.exc_info))
    # A secret may span format and argument, as in "token=%s", or be in the str of an object.
    try:
        message = record.getMessage()
    except Exception:  # a broken __str__ or format: logging reports it later
        return
    safe = redact(message)
    if safe != message and record.name != "uvicorn.access":
        record.msg, record.args = safe, None


_install()
