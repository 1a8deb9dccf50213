"""A log in which people have lived is well; whatever is bent in it is found."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from app.domain.appends import (
    Admit,
    Append,
    Ban,
    Committed,
    CreateRoom,
    Delete,
    Edit,
    Join,
    Mute,
    OpenDirect,
    Pin,
    React,
    Remove,
    Send,
    UpdateRoom,
)
from app.domain.ids import Millis, RoomId, UserId, event_id
from app.domain.roles import Kind, Role
from app.services.log.committer import commit
from app.store import users
from app.store.checking import check
from app.store.database import Database

GENERAL = RoomId(1)
AT = Millis(1_795_000_000_000)


class House:
    """Ana, Bo and Cy, and what they do to a log, one transaction each."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.ids: dict[str, UserId] = {}

    async def moves_in(self, name: str) -> None:
        user = await self.database.write(
            lambda c: users.insert(
                c, username=name, display_name=name, password_hash=None, is_admin=False, at=AT
            )
        )
        self.ids[name] = user.id

    async def does(self, act: type[Append], who: str | None, **what: object) -> Committed:
        by = None if who is None else self.ids[who]
        append = act(**{"room": GENERAL, "by": by, "at": AT, **what})
        batch = await self.database.write(lambda c: commit(c, [append]))
        assert isinstance(batch.outcomes[0], Committed), batch.outcomes
        return batch.outcomes[0]

    async def says(self, who: str, text: str, **what: object) -> int:
        return (await self.does(Send, who, text=text, **what)).seq or 0

    async def findings(self) -> list[str]:
        return (await self.database.read(check)).findings


@pytest.fixture
async def house(database: Database) -> House:
    """A house that has seen everything that can happen to a log."""
    house = House(database)
    for name in ("ana", "bo", "cy"):
        await house.moves_in(name)
        await house.does(Join, name)
    ana, bo, cy = (house.ids[name] for name in ("ana", "bo", "cy"))
    hello = await house.says("ana", "hello @bo and @cy", mentions=["bo", "cy"], client_id="1")
    await house.says("bo", "hi", reply_to=hello)
    await house.does(React, "bo", ref=hello, emoji="👍", on=True)
    await house.does(React, "cy", ref=hello, emoji="👍", on=True)
    await house.does(React, "cy", ref=hello, emoji="👍", on=False)
    await house.does(React, "cy", ref=hello, emoji="👍", on=True)
    await house.does(React, "ana", ref=hello, emoji="🎉", on=True)
    await house.does(React, "ana", ref=hello, emoji="🎉", on=False)
    await house.does(Edit, "ana", ref=hello, text="hello @cy", mentions=["cy"])
    await house.does(Pin, "cy", ref=hello, on=True)
    gone = await house.says("bo", "a secret for @ana", mentions=["ana"])
    await house.does(Edit, "bo", ref=gone, text="another secret for @ana", mentions=["ana"])
    await house.does(React, "ana", ref=gone, emoji="😱", on=True)
    await house.does(Pin, "ana", ref=gone, on=True)
    await house.does(Delete, "bo", ref=gone)
    await house.does(Pin, "cy", ref=await house.says("cy", "once pinned"), on=True)
    await house.does(Pin, "cy", ref=await house.says("cy", "twice"), on=True)
    await house.does(UpdateRoom, None, title="Hall", as_operator=True)
    made = await house.does(
        CreateRoom, "ana", room=RoomId(0), name="attic", title="", kind=Kind.PRIVATE
    )
    await house.does(Admit, "ana", room=made.room, user=bo, role=Role.MODERATOR)
    await house.does(Admit, "ana", room=made.room, user=cy)
    await house.does(Mute, "ana", room=made.room, user=cy, on=True)
    await house.does(Remove, "ana", room=made.room, user=cy)
    await house.does(Admit, "ana", room=made.room, user=cy)
    await house.does(Ban, "bo", room=made.room, user=cy, on=True)
    await house.does(Admit, "ana", room=made.room, user=bo, role=Role.OWNER)
    await house.does(Remove, "ana", room=made.room, user=ana)
    await house.does(OpenDirect, "ana", room=RoomId(0), user=bo, name="dm-1")
    return house


async def test_a_log_in_which_people_lived_is_well(house: House) -> None:
    report = await house.database.read(check)

    assert report.findings == []
    assert report.rooms == 3
    assert report.events > 30


async def test_a_new_installation_is_well(database: Database) -> None:
    report = await database.read(check)

    assert report == (1, 1, [])


def _sql(text: str) -> Callable[[sa.Connection], None]:
    return lambda connection: connection.execute(sa.text(text))  # type: ignore[return-value]


# Of the fixture's log: event 5 is the greeting, 15 the deleted message, 16 its edit.
HELLO, GONE, EDIT = (event_id(GENERAL, seq) for seq in (5, 15, 16))


@pytest.mark.parametrize(
    ("bend", "finding"),
    [
        pytest.param(
            f"DELETE FROM events WHERE id = {HELLO + 1}",
            "room 1: after event 5 comes 7",
            id="a hole",
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
            "room 1, event 6: refers to 2, which is no message before it",
            id="a reply to what is no message",
        ),
        pytest.param(
            f"UPDATE events SET text = 'a secret' WHERE id = {GONE}",
            "room 1, message 15: is deleted, but text of it is left",
            id="a deleted text",
        ),
        pytest.param(
            f"UPDATE events SET text = 'a secret' WHERE id = {EDIT}",
            "room 1, event 16: is an edit of a deleted message, but text of it is left",
            id="a deleted edit",
        ),
        pytest.param(
            f"UPDATE events SET deleted_at = NULL WHERE id = {GONE}",
            "room 1, message 15: is deleted in the table or in the log, but not in both",
            id="a message that came back",
        ),
        pytest.param(
            f"UPDATE events SET edited_text = 'never' WHERE id = {HELLO}",
            "room 1, message 5: its wording is not that of its last edit",
            id="a wording of nobody's",
        ),
        pytest.param(
            f"UPDATE events SET pinned_at = NULL WHERE id = {HELLO}",
            "room 1, message 5: is pinned in the table or in the log, but not in both",
            id="a pin that fell",
        ),
        pytest.param(
            "DELETE FROM reactions WHERE user_id = 2",
            "room 1, message 5: the log has a reaction of user 2, the table has not",
            id="a reaction that is lost",
        ),
        pytest.param(
            f"INSERT INTO reactions VALUES ({HELLO}, '🎉', 1, 11)",
            "room 1, message 5: a reaction of user 1 is in no event",
            id="a reaction that nobody made",
        ),
        pytest.param(
            "DELETE FROM mentions WHERE user_id = 3",
            "room 1, message 5: the log mentions user 3, the table does not",
            id="a mention that is lost",
        ),
        pytest.param(
            f"INSERT INTO mentions VALUES (2, {HELLO})",
            "room 1, message 5: a mention of user 2 is in no event",
            id="a mention of the first wording",
        ),
        pytest.param(
            "UPDATE members SET role = 'owner' WHERE room_id = 1 AND user_id = 3",
            "room 1: user 3 is owner in the table, member in the log",
            id="a role that nobody gave",
        ),
        pytest.param(
            "UPDATE members SET role = 'member' WHERE room_id = 2 AND user_id = 3",
            "room 2: user 3 is member in the table, no member in the log",
            id="a banned member who is back",
        ),
        pytest.param(
            "INSERT INTO members (room_id, user_id, role, joined_at) VALUES (3, 3, 'member', 1)",
            "room 3: user 3 is member in the table, and in no event",
            id="a member who never joined",
        ),
    ],
)
async def test_what_is_bent_is_found(house: House, bend: str, finding: str) -> None:
    await house.database.write(_sql(bend))

    assert finding in await house.findings()


async def test_two_events_with_one_id_are_found(house: House) -> None:
    def bend(connection: sa.Connection) -> None:
        connection.execute(sa.text("DROP INDEX uq_events_client_id"))
        connection.execute(
            sa.text(f"UPDATE events SET client_id = '1', by = 1 WHERE id = {HELLO + 1}")
        )
        assert "room 1: user 1 has 2 events with one id of theirs" in check(connection).findings
        raise sa.exc.SQLAlchemyError("as it was")

    with pytest.raises(sa.exc.SQLAlchemyError, match="as it was"):
        await house.database.write(bend)
    assert await house.findings() == []


async def test_more_of_a_kind_are_not_all_told(house: House) -> None:
    for _ in range(60):
        await house.says("ana", "hm")
    await house.database.write(_sql("UPDATE events SET edited_text = 'x' WHERE text = 'hm'"))

    findings = await house.findings()

    assert len(findings) == 21
    assert findings[-1] == "… and more of this kind"


@pytest.mark.sqlite_only
async def test_a_key_that_leads_nowhere_is_found(house: House) -> None:
    def bend(connection: sa.Connection) -> None:
        connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        connection.exec_driver_sql("INSERT INTO members (room_id, user_id) VALUES (77, 1)")
        assert any("refers to a row of rooms" in line for line in check(connection).findings)
        connection.exec_driver_sql("DELETE FROM members WHERE room_id = 77")

    await house.database.write(bend)


async def test_what_is_no_longer_kept_is_not_missed(house: House) -> None:
    def forget(connection: sa.Connection) -> None:
        connection.execute(sa.text(f"DELETE FROM events WHERE id < {event_id(GENERAL, 5)}"))
        connection.execute(sa.text("UPDATE rooms SET first = 5 WHERE id = 1"))

    await house.database.write(forget)

    assert await house.findings() == []
