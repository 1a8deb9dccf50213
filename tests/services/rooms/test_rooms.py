"""Rooms, where HTTP shows them less well: leaving all of them, and what races."""

import pytest

from app.domain.appends import Admit, Ban, Remove, Send, UpdateRoom
from app.domain.errors import Conflict, Forbidden, RoomNotFound, UserNotFound
from app.domain.roles import Kind, Role
from app.store import members as member_store
from app.store import room_views as room_view_store
from app.store import users
from tests.harness.server import Server
from tests.harness.socket_client import together


async def goes(server: Server, name: str) -> None:
    """Have somebody leave everything."""
    await server.runtime.rooms.membership_removal.remove_memberships(
        (await server.person(name)).user
    )


async def roles(server: Server, room: str) -> dict[str, Role]:
    members = await server.database.read(
        lambda c: member_store.page(c, server.room_id(room), after="", limit=50)
    )
    return {member.user: member.role for member in members}


async def archived(server: Server, room: str) -> bool:
    ana = await server.person("ana")
    key = (server.room_id(room), ana.user, 0)
    room_views = await server.database.read(lambda c: room_view_store.load(c, [key]))
    return room_views[key].archived_at is not None


async def gets(server: Server, room: str, name: str, role: Role) -> None:
    await server.admit(room, name, by="ana", role=role)


# Leaving every room


async def test_the_moderator_who_has_been_there_longest_inherits(server: Server) -> None:
    await server.room("den", members=["bo"])
    server.clock.pass_time(seconds=1)
    await server.admit("den", "mo", by="ana")
    server.clock.pass_time(seconds=1)
    await server.admit("den", "max", by="ana")
    for name in ("max", "mo"):
        await gets(server, "den", name, Role.MODERATOR)

    await goes(server, "ana")

    assert await roles(server, "den") == {
        "bo": Role.MEMBER,
        "max": Role.MODERATOR,
        "mo": Role.OWNER,
    }
    assert not await archived(server, "den")


async def test_without_a_moderator_the_first_member_inherits(server: Server) -> None:
    await server.room("den", members=["mo"])
    server.clock.pass_time(seconds=1)
    await server.admit("den", "bo", by="ana")

    await goes(server, "ana")

    assert await roles(server, "den") == {"bo": Role.MEMBER, "mo": Role.OWNER}


async def test_where_another_owner_stays_nothing_is_handed_over(server: Server) -> None:
    await server.room("den", members=["mo", "bo"])
    await gets(server, "den", "mo", Role.MODERATOR)
    await gets(server, "den", "bo", Role.OWNER)

    await goes(server, "ana")

    assert await roles(server, "den") == {"bo": Role.OWNER, "mo": Role.MODERATOR}


async def test_nobody_who_can_not_log_in_inherits(server: Server) -> None:
    await server.room("den", members=["mo"])
    server.clock.pass_time(seconds=1)
    await server.admit("den", "bo", by="ana")
    mo = await server.person("mo")
    await server.database.write(lambda c: users.update(c, mo.user, disabled_at=1))

    await goes(server, "ana")

    assert (await roles(server, "den"))["bo"] is Role.OWNER


async def test_where_nobody_is_left_the_room_is_archived(server: Server) -> None:
    await server.room("den", kind=Kind.PRIVATE)

    await goes(server, "ana")

    assert await roles(server, "den") == {}
    assert await archived(server, "den")


async def test_an_archived_room_is_handed_over_too(server: Server) -> None:
    await server.room("den", members=["bo"])
    await server.append(UpdateRoom, "den", by="ana", archived=True)

    await goes(server, "ana")

    assert await roles(server, "den") == {"bo": Role.OWNER}
    bo = await server.person("bo")
    reopened = await server.runtime.rooms.rooms.update(bo.user, "den", archived=False)
    assert reopened.archived_at is None


async def test_a_direct_room_is_archived_and_stays_with_the_other(server: Server) -> None:
    ana, bo = await server.person("ana"), await server.person("bo")
    direct = await server.runtime.rooms.rooms.open_direct(ana.user, "bo")
    server._rooms["direct"] = direct.room
    await server.append(Send, "direct", by="ana", text="goodbye")

    await goes(server, "ana")

    left = await server.runtime.rooms.rooms.get(bo.user, direct.name)
    assert (left.archived_at is not None, left.other, left.unread) == (True, "ana", 1)
    with pytest.raises(Forbidden):
        await server.append(Send, "direct", by="bo", text="hello?")
    with pytest.raises(RoomNotFound):
        await server.runtime.rooms.rooms.get(ana.user, direct.name)


async def test_those_who_stay_hear_of_it_in_order(server: Server) -> None:
    await server.room("den", members=["bo"])
    bo = await server.joins("bo", "den")

    await goes(server, "ana")

    heard = [await bo.hears(), await bo.hears()]
    assert [(event["type"], event["user"]) for event in heard] == [
        ("member.updated", "bo"),
        ("member.left", "ana"),
    ]
    assert [event["by"] for event in heard] == [None, None]


async def test_leaving_everything_again_changes_nothing(server: Server) -> None:
    await server.room("den", members=["bo"])
    await goes(server, "ana")
    before = (await server.runtime.rooms.rooms.get((await server.person("bo")).user, "den")).head

    await goes(server, "ana")

    after = await server.runtime.rooms.rooms.get((await server.person("bo")).user, "den")
    assert after.head == before


async def test_who_is_let_go_twice_at_once_leaves_once(server: Server) -> None:
    await server.room("den", members=["bo"])
    bo = await server.joins("bo", "den")

    await together(goes(server, "ana"), goes(server, "ana"))

    assert [(await bo.hears())["type"] for _ in range(2)] == ["member.updated", "member.left"]
    await bo.nothing_more()


async def test_a_disabled_user_can_be_let_go(server: Server) -> None:
    await server.room("den", members=["bo"])
    ana = await server.person("ana")
    await server.database.write(lambda c: users.update(c, ana.user, disabled_at=1))

    await goes(server, "ana")

    assert await roles(server, "den") == {"bo": Role.OWNER}


async def test_blocks_of_whoever_goes_are_forgotten(server: Server) -> None:
    ana, bo = await server.person("ana"), await server.person("bo")
    await server.runtime.accounts.blocks.block(ana.user, "bo")
    await server.runtime.accounts.blocks.block(bo.user, "ana")

    await goes(server, "ana")

    for person in (ana, bo):
        assert await server.runtime.accounts.blocks.page(person.user, limit=9) == []


async def test_erasing_an_account_lets_go_of_its_rooms(server: Server) -> None:
    await server.room("den", members=["bo"])
    await server.person("ana")

    await server.runtime.accounts.accounts.erase("ana")

    assert await roles(server, "den") == {"bo": Role.OWNER}
    bo = await server.person("bo")
    with pytest.raises(UserNotFound):
        await server.runtime.rooms.rooms.open_direct(bo.user, "ana")


# Races


async def test_two_who_open_their_direct_room_at_once_get_the_same(server: Server) -> None:
    ana, bo = await server.person("ana"), await server.person("bo")

    rooms = await together(
        *(server.runtime.rooms.rooms.open_direct(ana.user, "bo") for _ in range(4)),
        *(server.runtime.rooms.rooms.open_direct(bo.user, "ana") for _ in range(4)),
    )

    assert len({room.room for room in rooms}) == 1
    assert {room.head for room in rooms} == {2}


async def test_of_many_who_make_a_room_of_one_name_one_does(server: Server) -> None:
    ana = await server.person("ana")

    answers = await together(
        *(ana.http.post("/rooms", json={"name": "den", "kind": "public"}) for _ in range(8))
    )

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7


async def test_of_two_owners_who_leave_at_once_one_stays(server: Server) -> None:
    await server.room("den", members=["bo"])
    await gets(server, "den", "bo", Role.OWNER)
    people = [await server.person(name) for name in ("ana", "bo")]

    answers = await together(
        *(person.http.delete(f"/rooms/den/members/{person.name}") for person in people)
    )

    assert sorted(answer.status_code for answer in answers) == [204, 409]
    assert list((await roles(server, "den")).values()) == [Role.OWNER]


async def test_a_ban_and_what_the_banned_asks_after_it_keep_their_order(server: Server) -> None:
    await server.room("den", members=["bo"])
    bo = await server.person("bo")

    _, sent = await together(
        server.append(Ban, "den", by="ana", user=bo.user, on=True),
        _outcome(server.append(Send, "den", by="bo", text="hello?")),
    )

    assert sent == "banned"


async def _outcome(appending: object) -> str:
    try:
        await appending  # type: ignore[misc]
    except Exception as exc:  # whatever it was refused with is the point
        return getattr(exc, "code", repr(exc))
    return "done"


async def test_the_last_owner_is_not_removed_by_the_operator_either(server: Server) -> None:
    await server.room("den", members=["bo"])
    ana, bo = await server.person("ana"), await server.person("bo")

    with pytest.raises(Conflict):
        await server.append(Remove, "den", by=None, user=ana.user)
    await server.append(Admit, "den", by=None, user=bo.user, role=Role.OWNER)
    await server.append(Remove, "den", by=None, user=ana.user)

    assert await roles(server, "den") == {"bo": Role.OWNER}
