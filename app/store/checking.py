"""
The consistency check of ``parley check``: what must hold of a log, and where it does not.

The log is the truth. What is kept beside it for speed (heads, reactions, mentions, roles, the
present state of messages) is derived again from the events and compared, on one snapshot. The
database does the work, so that a long log takes time but no memory.
"""

import sqlite3
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import NamedTuple

import sqlalchemy as sa

from . import check_rules, checksum_backfill
from .check_events import unreadable_events
from .check_members import member_rules
from .check_rules import Rule
from .check_search import search_rules, wrong_documents
from .damage import Damaged, damage
from .database import DbConnection
from .errors import reason

# More findings of one kind add no information.
_MAX_OF_A_KIND = 20


class Report(NamedTuple):
    """How much was checked, and a sentence for each finding; none if all is well."""

    rooms: int
    events: int
    findings: list[str]
    without_checksum: int
    """Events of older versions of which can't be told whether they are what was written."""


def check(connection: DbConnection) -> Report:
    """Check the log itself, and what is derived from it."""
    is_file = connection.is_file
    kinds: list[Callable[[], Iterator[str]]] = [partial(unreadable_events, connection)]
    if is_file:
        kinds.insert(0, partial(_damage, connection))
    findings = [line for kind in kinds for line in _limited(kind, is_file)]
    is_json = not any("is not JSON" in line for line in findings)
    rules = [*check_rules.rules(connection)]
    rules += member_rules(connection)
    rules += search_rules(connection)
    kinds = [
        partial(_broken, connection, rule) for rule in rules if is_json or not rule.reads_json
    ]
    kinds.append(partial(wrong_documents, connection))
    findings += [line for kind in kinds for line in _limited(kind, is_file)]
    if not is_json:
        findings.append("reactions, mentions, roles, bans and mutes could not be compared")
    count = sa.text("SELECT (SELECT count(*) FROM rooms), (SELECT count(*) FROM events)")
    rooms, events = connection.execute(count).one()
    return Report(rooms, events, findings, _without_checksum(connection))


def _limited(kind: Callable[[], Iterator[str]], is_file: bool) -> list[str]:
    """The findings of one kind. One that fails on a damaged page of a file is a finding."""
    found: list[str] = []
    try:
        found += islice(kind(), _MAX_OF_A_KIND)
        if len(found) == _MAX_OF_A_KIND:
            found.append("… and more of this kind")
    except (sa.exc.DBAPIError, sqlite3.Error, ValueError, TypeError, Damaged) as exc:
        if not is_file:
            raise
        what = found_damage.what if (found_damage := damage(exc)) else reason(exc)
        found.append(f"the file: a part of it could not be compared: {what}")
    return found


def _broken(connection: DbConnection, rule: Rule) -> Iterator[str]:
    rows = connection.execute(sa.text(rule.sql).columns()).mappings()
    yield from (rule.sentence.format(**row) for row in rows.fetchmany(_MAX_OF_A_KIND))


def _without_checksum(connection: DbConnection) -> int:
    try:
        return checksum_backfill.missing(connection)
    except sqlite3.Error:  # a page that can't be read: it is a finding already
        return 0


def _damage(connection: DbConnection) -> Iterator[str]:
    """What SQLite itself finds: torn pages, indexes that lack rows, dangling foreign keys."""
    lines = connection.execute(sa.text(f"PRAGMA integrity_check({_MAX_OF_A_KIND})")).scalars()
    yield from (f"the file: {line}" for line in lines if line != "ok")
    for table, row, parent, _ in connection.execute(sa.text("PRAGMA foreign_key_check")):
        yield f"{table}, row {row}: refers to a row of {parent} that does not exist"
