"""The consistency check: silent on a log that the committer has written, loud on any other."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from app.domain.appends import (
    Admit,
    Ban,
    CreateRoom,
    Delete,
    Edit,
    Mute,
    OpenDirect,
    Pin,
    React,
    Remove,
    UpdateRoom,
)
from app.domain.ids import RoomId, event_id
from app.domain.roles import Kind, Role
from app.store import check_rules
from app.store.check_members import member_rules
from app.store.check_search import search_rules
from app.store.checking import check
from app.store.database import Database, DbConnection
from tests.store.log_env import GENERAL, LogEnv


class CheckEnv(LogEnv):
    """A database, its log, and what the check finds in it."""

    async def findings(self) -> list[str]:
        return (await self.read(check)).findings


@pytest.fixture
async def env(database: Database) -> CheckEnv:
    """A log with every kind of event that there is."""
    env = CheckEnv(database)
    for name in ("ana", "bo", "cy"):
        await env.add_users(name)
        await env.join(name)
    ana, bo, cy = (env.users[name] for name in ("ana", "bo", "cy"))
    hello = await env.send("ana", "hello @bo and @cy", mentions=["bo", "cy"], client_id="1")
    await env.send("bo", "hi", reply_to=hello)
    await env.append(React, "bo", ref=hello, emoji="👍", on=True)
    await env.append(React, "cy", ref=hello, emoji="👍", on=True)
    await env.append(React, "cy", ref=hello, emoji="👍", on=False)
    await env.append(React, "cy", ref=hello, emoji="👍", on=True)
    await env.append(React, "ana", ref=hello, emoji="🎉", on=True)
    await env.append(React, "ana", ref=hello, emoji="🎉", on=False)
    await env.append(Edit, "ana", ref=hello, text="hello @cy", mentions=["cy"])
    await env.append(Pin, "cy", ref=hello, on=True)
    deleted = await env.send("bo", "a secret for @ana", mentions=["ana"])
    await env.append(Edit, "bo", ref=deleted, text="another secret for @ana", mentions=["ana"])
    await env.append(React, "ana", ref=deleted, emoji="😱", on=True)
    await env.append(Pin, "ana", ref=deleted, on=True)
    await env.append(Delete, "bo", ref=deleted)
    await env.append(Pin, "cy", ref=await env.send("cy", "once pinned"), on=True)
    await env.append(Pin, "cy", ref=await env.send("cy", "twice"), on=True)
    await env.append(UpdateRoom, None, title="Hall", as_operator=True)
    made = await env.append(
        CreateRoom, "ana", room=RoomId(0), name="attic", title="", kind=Kind.PRIVATE
    )
    await env.append(Admit, "ana", room=made.room, user=bo, role=Role.MODERATOR)
    await env.append(Admit, "ana", room=made.room, user=cy)
    await env.append(Mute, "ana", room=made.room, user=cy, on=True)
    await env.append(Remove, "ana", room=made.room, user=cy)
    await env.append(Admit, "ana", room=made.room, user=cy)
    await env.append(Ban, "bo", room=made.room, user=cy, on=True)
    await env.append(Admit, "ana", room=made.room, user=bo, role=Role.OWNER)
    await env.append(Remove, "ana", room=made.room, user=ana)
    await env.append(OpenDirect, "ana", room=RoomId(0), user=bo, name="dm-1")
    return env


async def test_a_log_written_by_the_committer_is_consistent(env: CheckEnv) -> None:
    report = await env.database.read(check)

    assert report.findings == []
    assert report.rooms == 3
    assert report.events > 30


async def test_any_data_of_a_client_can_be_checked(env: CheckEnv) -> None:
    """PostgreSQL's jsonb can't hold NUL."""
    await env.send("ana", "hello", data={"a\0b": "\0", "back\\u0000slash": "\\u0000"})

    assert await env.findings() == []


async def test_a_new_installation_is_consistent(database: Database) -> None:
    report = await database.read(check)

    assert report == (1, 1, [], 0)


def _sql(text: str) -> Callable[[sa.Connection], None]:
    return lambda connection: connection.execute(sa.text(text))  # type: ignore[return-value]


# Of the fixture's log: event 5 is the greeting, 15 the deleted message, 16 its edit.
HELLO, DELETED, EDIT = (event_id(GENERAL, seq) for seq in (5, 15, 16))


@pytest.mark.parametrize(
    ("damage", "finding"),
    [
        pytest.param(
            f"DELETE FROM events WHERE id = {HELLO + 1}",
            "room 1: event 5 is followed by 7",
            id="a gap",
        ),
        pytest.param(
            "UPDATE rooms SET head = head + 1 WHERE id = 1",
            "room 1: head is 25, but the last event is 24",
            id="a head that runs ahead",
        ),
        pytest.param(
            f"DELETE FROM events WHERE id = {event_id(GENERAL, 1)}",
            "room 1: first is 1, but the oldest event is 2",
            id="a beginning that is missing",
        ),
        pytest.param(
            "DELETE FROM events WHERE room_id = 2",
            "room 2: head is 11, but the last event is 0",
            id="a room without its log",
        ),
        pytest.param(
            f"UPDATE events SET room_id = 2 WHERE id = {event_id(GENERAL, 22)}",
            "event 4294967318: its key says room 1, its row 2",
            id="an event in two rooms",
        ),
        pytest.param(
            "INSERT INTO events (id, room_id, type, at) VALUES (38654705665, 9, 'x', 1)",
            "room 9: has events, but does not exist",
            id="a room that is not there",
        ),
        pytest.param(
            f"UPDATE events SET by = 99 WHERE id = {event_id(GENERAL, 22)}",
            "room 1, event 22: is by user 99, who does not exist",
            id="an author that is not there",
        ),
        pytest.param(
            f"UPDATE events SET ref = 2 WHERE id = {HELLO + 1}",
            "room 1, event 6: refers to 2, which is not an earlier message",
            id="a reply to what is no message",
        ),
        pytest.param(
            f"UPDATE events SET text = 'a secret' WHERE id = {DELETED}",
            "room 1, message 15: is deleted, but its text is left",
            id="a deleted text",
        ),
        pytest.param(
            f"UPDATE events SET text = 'a secret' WHERE id = {EDIT}",
            "room 1, event 16: is an edit of a deleted message, but its text is left",
            id="a deleted edit",
        ),
        pytest.param(
            f"UPDATE events SET deleted_at = NULL WHERE id = {DELETED}",
            "room 1, message 15: is deleted in the table or in the log, but not in both",
            id="a message that came back",
        ),
        pytest.param(
            f"UPDATE events SET edited_text = 'never' WHERE id = {HELLO}",
            "room 1, message 5: its text is not that of its last edit",
            id="a text of no edit",
        ),
        pytest.param(
            f"UPDATE events SET pinned_at = NULL WHERE id = {HELLO}",
            "room 1, message 5: is pinned in the table or in the log, but not in both",
            id="a pin that is lost",
        ),
        pytest.param(
            "DELETE FROM reactions WHERE user_id = 2",
            "room 1, message 5: the table lacks a reaction of user 2 in the log",
            id="a reaction that is lost",
        ),
        pytest.param(
            f"INSERT INTO reactions VALUES ({HELLO}, '🎉', 1, 11)",
            "room 1, message 5: the log lacks a reaction of user 1 in the table",
            id="a reaction of no event",
        ),
        pytest.param(
            "DELETE FROM mentions WHERE user_id = 3",
            "room 1, message 5: the table lacks a mention of user 3 in the log",
            id="a mention that is lost",
        ),
        pytest.param(
            f"INSERT INTO mentions (user_id, event_id) VALUES (2, {HELLO})",
            "room 1, message 5: the log lacks a mention of user 2 in the table",
            id="a mention of an earlier text",
        ),
        pytest.param(
            "UPDATE members SET role = 'owner' WHERE room_id = 1 AND user_id = 3",
            "room 1: user 3 has the role owner in the table, member in the log",
            id="a role of no event",
        ),
        pytest.param(
            "UPDATE members SET role = 'member' WHERE room_id = 2 AND user_id = 3",
            "room 2: user 3 has the role member in the table, none in the log",
            id="a banned member with a role",
        ),
        pytest.param(
            "INSERT INTO members (room_id, user_id, role, joined_at) VALUES (3, 3, 'member', 1)",
            "room 3: user 3 has the role member in the table, but in no event",
            id="a member who never joined",
        ),
    ],
)
async def test_an_inconsistency_is_found(env: CheckEnv, damage: str, finding: str) -> None:
    await env.database.write(_sql(damage))

    assert finding in await env.findings()


async def test_two_events_with_one_id_are_found(env: CheckEnv) -> None:
    def damage(connection: sa.Connection) -> None:
        connection.execute(sa.text("DROP INDEX uq_events_client_id"))
        connection.execute(
            sa.text(f"UPDATE events SET client_id = '1', by = 1 WHERE id = {HELLO + 1}")
        )
        assert "room 1: user 1 has 2 events with the same client id" in check(connection).findings
        raise sa.exc.SQLAlchemyError("as it was")

    with pytest.raises(sa.exc.SQLAlchemyError, match="as it was"):
        await env.database.write(damage)
    assert await env.findings() == []


async def test_findings_of_one_kind_are_limited(env: CheckEnv) -> None:
    for _ in range(60):
        await env.send("ana", "hm")
    await env.database.write(_sql("UPDATE events SET edited_text = 'x' WHERE text = 'hm'"))

    findings = await env.findings()

    of_a_kind = [line for line in findings if "is not that of its last edit" in line]
    assert len(of_a_kind) == 20
    assert findings[findings.index(of_a_kind[-1]) + 1] == "… and more of this kind"


@pytest.mark.sqlite_only
async def test_a_dangling_foreign_key_is_found(env: CheckEnv) -> None:
    def damage(connection: sa.Connection) -> None:
        connection.execute(sa.text("PRAGMA defer_foreign_keys=ON"))
        connection.execute(sa.text("INSERT INTO members (room_id, user_id) VALUES (77, 1)"))
        assert any("refers to a row of rooms" in line for line in check(connection).findings)
        connection.execute(sa.text("DELETE FROM members WHERE room_id = 77"))

    await env.database.write(damage)


async def test_removed_events_are_not_missed(env: CheckEnv) -> None:
    def remove(connection: sa.Connection) -> None:
        connection.execute(sa.text(f"DELETE FROM events WHERE id < {event_id(GENERAL, 5)}"))
        connection.execute(sa.text("UPDATE rooms SET first = 5 WHERE id = 1"))

    await env.database.write(remove)

    assert await env.findings() == []


@pytest.mark.sqlite_only
async def test_no_rule_compares_each_row_of_a_table_with_all_of_another(env: CheckEnv) -> None:
    """That takes the square of the time: minutes for a hundred thousand events."""

    def nested(connection: DbConnection) -> list[str]:
        rules = [*check_rules.rules(connection), *member_rules(connection)]
        rules += search_rules(connection)
        found = []
        for rule in rules:
            plan = connection.rows(f"EXPLAIN QUERY PLAN {rule.sql}", {})
            # Loops in one another are siblings. The items of one event's JSON are few.
            scans = [
                parent
                for _, parent, _, what in plan
                if what.startswith("SCAN") and not what.startswith("SCAN j VIRTUAL TABLE")
            ]
            if len(set(scans)) < len(scans):
                found.append(rule.sentence)
        return found

    assert await env.read(nested) == []
