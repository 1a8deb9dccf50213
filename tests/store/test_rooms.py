"""Rooms and members on disk, for reading."""

from collections.abc import Sequence

import pytest
from sqlalchemy import Connection

from app.domain.appends import (
    Admit,
    Append,
    Ban,
    Committed,
    CreateRoom,
    Delete,
    Mute,
    OpenDirect,
    Remove,
    Send,
)
from app.domain.ids import Millis, RoomId, UserId
from app.domain.limits import MAX_UNREAD_COUNTED
from app.domain.roles import Kind, Role
from app.domain.working_set import NO_ROOM
from app.services.log.committer import commit
from app.store import rooms, users
from app.store.database import Database
from app.store.rooms import DepartingMember
from tests.store.statements import asked

NOW = Millis(1_795_000_000_000)


class House:
    """ana, bo and eve, and the den, where ana is owner and bo a member."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.people: dict[str, UserId] = {}
        self.den = RoomId(0)

    async def does(self, *appends: Append) -> Sequence[Committed]:
        """Have the log carry out what is allowed."""
        batch = await self.database.write(lambda c: commit(c, appends))
        assert all(isinstance(outcome, Committed) for outcome in batch.outcomes), batch.outcomes
        return batch.outcomes

    async def says(self, who: str, *texts: str, mentions: Sequence[str] = ()) -> None:
        await self.does(
            *(
                Send(
                    room=self.den,
                    by=self.people[who],
                    at=NOW,
                    text=text,
                    mentions=list(mentions),
                )
                for text in texts
            )
        )

    async def stands(self, who: str, seen: int = 0, room: RoomId | None = None):
        """Where somebody stands in the den."""
        key = (room or self.den, self.people[who], seen)
        found = await self.database.read(lambda c: rooms.room_views(c, [key]))
        return found.get(key)

    async def sees(self, who: str, *, mine: bool = False, prefix: str = "") -> list[RoomId]:
        return await self.database.read(
            lambda c: rooms.visible(
                c, self.people[who], mine=mine, prefix=prefix, after="", limit=9, now=NOW
            )
        )


@pytest.fixture
async def house(database: Database) -> House:
    house = House(database)

    def work(connection: Connection) -> None:
        for name in ("ana", "bo", "eve"):
            house.people[name] = users.insert(
                connection,
                username=name,
                display_name=name.title(),
                password_hash=None,
                is_admin=False,
                at=NOW,
            ).id

    await database.write(work)
    house.den = await make(house, "den", Kind.PRIVATE)
    await house.does(
        Admit(room=house.den, by=house.people["ana"], at=NOW, user=house.people["bo"])
    )
    return house


async def make(house: House, name: str, kind: Kind, by: str = "ana") -> RoomId:
    request = CreateRoom(
        room=NO_ROOM, by=house.people[by], at=NOW, name=name, title=name.title(), kind=kind
    )
    (done,) = await house.does(request)
    return done.room


# Standings


async def test_rooms_are_found_by_name(house: House) -> None:
    found = await house.database.read(lambda c: rooms.ids(c, ["den", "general", "nothing"]))

    assert found == {"den": house.den, "general": RoomId(1)}


async def test_what_is_unread_is_by_others_and_not_deleted(house: House) -> None:
    await house.says("ana", "one", "two", "three")
    await house.says("bo", "mine")
    await house.says("ana", "@bo", mentions=["bo"])
    await house.does(Delete(room=house.den, by=house.people["ana"], at=NOW, ref=4))

    bo, ana = await house.stands("bo"), await house.stands("ana")

    assert (bo.head, bo.read, bo.unread, bo.mentions) == (8, 1, 3, 1)
    assert (ana.role, ana.unread, ana.mentions) == (Role.OWNER, 1, 0)


async def test_what_was_seen_meanwhile_counts_but_not_beyond_the_head(house: House) -> None:
    await house.says("ana", "one", "two", "three")

    stands = [await house.stands("bo", seen) for seen in (0, 1, 4, 5, 99)]

    assert [(view.read, view.unread) for view in stands] == [
        (1, 3),
        (1, 3),
        (4, 1),
        (5, 0),
        (5, 0),
    ]


async def test_counting_stops_where_nobody_looks_any_more(house: House) -> None:
    await house.says("ana", *["@bo"] * (MAX_UNREAD_COUNTED + 5), mentions=["bo"])

    view = await house.stands("bo")

    assert (view.unread, view.mentions) == (MAX_UNREAD_COUNTED, MAX_UNREAD_COUNTED)


async def test_an_outsider_has_no_part_in_a_room(house: House) -> None:
    await house.says("ana", "one")

    eve = await house.stands("eve")

    assert (eve.role, eve.unread, eve.mentions, eve.other) == (None, 0, 0, None)
    assert not eve.may_read(NOW)
    assert await house.stands("eve", room=RoomId(404)) is None


async def test_the_other_one_of_a_direct_room_is_named(house: House) -> None:
    ana, bo = house.people["ana"], house.people["bo"]
    (done,) = await house.does(OpenDirect(room=NO_ROOM, by=ana, at=NOW, user=bo, name="dm-1"))

    assert (await house.stands("ana", room=done.room)).other == "bo"
    assert (await house.stands("bo", room=done.room)).other == "ana"


async def test_any_number_of_standings_is_one_statement(house: House) -> None:
    made = [await make(house, f"room-{number}", Kind.PUBLIC) for number in range(5)]
    keys = [(room, user, 0) for room in made for user in house.people.values()]

    def work(connection: Connection) -> tuple[object, list[str]]:
        with asked(connection) as said:
            return rooms.room_views(connection, keys), said

    found, said = await house.database.read(work)

    assert len(said) == 1
    assert set(found) == set(keys)


# Lists


async def test_a_private_room_is_seen_by_its_members(house: House) -> None:
    hall = await make(house, "hall", Kind.PUBLIC)

    assert await house.sees("bo") == [house.den, RoomId(1), hall]
    assert await house.sees("eve") == [RoomId(1), hall]
    assert await house.sees("bo", mine=True) == [house.den]
    assert await house.sees("eve", prefix="h") == [hall]


async def test_what_is_special_in_a_pattern_is_not_in_a_prefix(house: House) -> None:
    await make(house, "axb", Kind.PUBLIC)
    plain = await make(house, "a_b", Kind.PUBLIC)

    assert await house.sees("eve", prefix="a_") == [plain]
    assert await house.sees("eve", prefix="%") == await house.sees("eve", prefix="\\") == []


async def test_a_public_room_is_not_seen_by_the_banned(house: House) -> None:
    hall = await make(house, "hall", Kind.PUBLIC)
    ban = Ban(room=hall, by=house.people["ana"], at=NOW, user=house.people["eve"], on=True)

    await house.does(ban)

    assert await house.sees("eve") == [RoomId(1)]


async def test_members_are_those_who_are_there_now(house: House) -> None:
    ana, bo, eve = house.people.values()
    mute_until = Millis(NOW + 1_000)
    await house.does(
        Admit(room=house.den, by=ana, at=NOW, user=eve),
        Mute(room=house.den, by=ana, at=NOW, user=eve, on=True, until=mute_until),
        Remove(room=house.den, by=bo, at=NOW, user=bo),
    )

    def work(connection: Connection) -> object:
        page = rooms.members(connection, house.den, after="", limit=9)
        last = rooms.members(connection, house.den, after="ana", limit=1)
        assert last == page[1:]
        assert rooms.member(connection, house.den, eve) == page[1]
        assert rooms.member(connection, house.den, bo) is None
        return page

    assert await house.database.read(work) == [
        ("ana", "Ana", Role.OWNER, NOW, None),
        ("eve", "Eve", Role.MEMBER, NOW, mute_until),
    ]


async def test_the_rooms_of_users_are_by_name(house: House) -> None:
    attic = await make(house, "attic", Kind.PRIVATE)
    ana, _, eve = house.people.values()

    found = await house.database.read(lambda c: rooms.of_users(c, [ana, eve]))

    assert found == {ana: [attic, house.den], eve: []}


# Heirs


async def test_an_heir_is_the_highest_and_then_the_first(house: House) -> None:
    ana, bo, eve = house.people.values()

    async def departing_member(user: UserId) -> DepartingMember | None:
        return await house.database.read(lambda c: rooms.departing_member(c, house.den, user))

    assert await departing_member(eve) is None
    assert await departing_member(bo) == (Kind.PRIVATE, Role.MEMBER, ana)
    assert await departing_member(ana) == (Kind.PRIVATE, Role.OWNER, bo)
    later = Millis(NOW + 1)
    await house.does(Admit(room=house.den, by=ana, at=later, user=eve))
    assert (await departing_member(ana)).successor == bo
    await house.does(Admit(room=house.den, by=ana, at=later, user=eve, role=Role.MODERATOR))
    assert (await departing_member(ana)).successor == eve
    await house.database.write(lambda c: users.update(c, eve, erased_at=NOW))
    assert (await departing_member(ana)).successor == bo
