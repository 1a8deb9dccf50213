"""Removing a user from every room, with the hand-over of ownership."""

import pytest

from app.domain.appends import Send, UpdateRoom
from app.domain.errors import Forbidden, RoomNotFound, UserNotFound
from app.domain.roles import Kind, Role
from app.store import admin_rooms, users
from tests.harness.server import Server
from tests.harness.socket_client import together
from tests.services.rooms.env import roles, set_role


async def remove_memberships(server: Server, name: str) -> None:
    """Remove a user from every room."""
    await server.runtime.rooms.membership_removal.remove_memberships(
        (await server.person(name)).user
    )


async def archived(server: Server, room: str) -> bool:
    found = await server.database.read(lambda c: admin_rooms.by_name(c, room))
    return found.archived_at is not None


async def test_the_longest_serving_moderator_becomes_owner(server: Server) -> None:
    await server.room("den", members=["bo"])
    server.clock.pass_time(seconds=1)
    await server.admit("den", "mo", by="ana")
    server.clock.pass_time(seconds=1)
    await server.admit("den", "max", by="ana")
    for name in ("max", "mo"):
        await set_role(server, "den", name, Role.MODERATOR)

    await remove_memberships(server, "ana")

    assert await roles(server, "den") == {
        "bo": Role.MEMBER,
        "max": Role.MODERATOR,
        "mo": Role.OWNER,
    }
    assert not await archived(server, "den")


async def test_without_a_moderator_the_longest_standing_member_becomes_owner(
    server: Server,
) -> None:
    await server.room("den", members=["mo"])
    server.clock.pass_time(seconds=1)
    await server.admit("den", "bo", by="ana")

    await remove_memberships(server, "ana")

    assert await roles(server, "den") == {"bo": Role.MEMBER, "mo": Role.OWNER}


async def test_with_another_owner_ownership_is_not_handed_over(server: Server) -> None:
    await server.room("den", members=["mo", "bo"])
    await set_role(server, "den", "mo", Role.MODERATOR)
    await set_role(server, "den", "bo", Role.OWNER)

    await remove_memberships(server, "ana")

    assert await roles(server, "den") == {"bo": Role.OWNER, "mo": Role.MODERATOR}


async def test_a_disabled_member_does_not_become_owner(server: Server) -> None:
    await server.room("den", members=["mo"])
    server.clock.pass_time(seconds=1)
    await server.admit("den", "bo", by="ana")
    mo = await server.person("mo")
    await server.database.write(lambda c: users.update(c, mo.user, disabled_at=1))

    await remove_memberships(server, "ana")

    assert (await roles(server, "den"))["bo"] is Role.OWNER


async def test_a_room_without_members_is_archived(server: Server) -> None:
    await server.room("den", kind=Kind.PRIVATE)

    await remove_memberships(server, "ana")

    assert await roles(server, "den") == {}
    assert await archived(server, "den")


async def test_an_archived_room_is_handed_over_too(server: Server) -> None:
    await server.room("den", members=["bo"])
    await server.append(UpdateRoom, "den", by="ana", archived=True)

    await remove_memberships(server, "ana")

    assert await roles(server, "den") == {"bo": Role.OWNER}
    bo = await server.person("bo")
    reopened = await server.runtime.rooms.rooms.update(bo.user, "den", archived=False)
    assert reopened.archived_at is None


async def test_a_direct_room_is_archived_and_kept_by_the_other_user(server: Server) -> None:
    ana, bo = await server.person("ana"), await server.person("bo")
    direct = await server.runtime.rooms.rooms.open_direct(ana.user, "bo")
    server.name_room("direct", direct.room)
    await server.append(Send, "direct", by="ana", text="goodbye")

    await remove_memberships(server, "ana")

    left = await server.runtime.rooms.rooms.get(bo.user, direct.name)
    assert (left.archived_at is not None, left.other, left.unread) == (True, "ana", 1)
    with pytest.raises(Forbidden):
        await server.append(Send, "direct", by="bo", text="hello?")
    with pytest.raises(RoomNotFound):
        await server.runtime.rooms.rooms.get(ana.user, direct.name)


async def test_the_events_are_in_order(server: Server) -> None:
    await server.room("den", members=["bo"])
    bo = await server.joins("bo", "den")

    await remove_memberships(server, "ana")

    heard = [await bo.hears(), await bo.hears()]
    assert [(event["type"], event["user"]) for event in heard] == [
        ("member.updated", "bo"),
        ("member.left", "ana"),
    ]
    assert [event["by"] for event in heard] == [None, None]


async def test_removal_is_idempotent(server: Server) -> None:
    await server.room("den", members=["bo"])
    await remove_memberships(server, "ana")
    before = (await server.runtime.rooms.rooms.get((await server.person("bo")).user, "den")).head

    await remove_memberships(server, "ana")

    after = await server.runtime.rooms.rooms.get((await server.person("bo")).user, "den")
    assert after.head == before


async def test_concurrent_removals_leave_once(server: Server) -> None:
    await server.room("den", members=["bo"])
    bo = await server.joins("bo", "den")

    await together(remove_memberships(server, "ana"), remove_memberships(server, "ana"))

    heard = [(await bo.hears())["type"] for _ in range(3)]
    assert heard == ["member.updated", "member.left", "user.erased"]
    await bo.nothing_more()


async def test_a_disabled_user_can_be_removed(server: Server) -> None:
    await server.room("den", members=["bo"])
    ana = await server.person("ana")
    await server.database.write(lambda c: users.update(c, ana.user, disabled_at=1))

    await remove_memberships(server, "ana")

    assert await roles(server, "den") == {"bo": Role.OWNER}


async def test_the_blocks_of_a_removed_user_are_deleted(server: Server) -> None:
    ana, bo = await server.person("ana"), await server.person("bo")
    await server.runtime.accounts.blocks.block(ana.user, "bo")
    await server.runtime.accounts.blocks.block(bo.user, "ana")

    await remove_memberships(server, "ana")

    for person in (ana, bo):
        assert await server.runtime.accounts.blocks.page(person.user, limit=9) == []


async def test_erasing_an_account_removes_its_memberships(server: Server) -> None:
    await server.room("den", members=["bo"])
    await server.person("ana")

    await server.runtime.accounts.accounts.erase("ana")

    assert await roles(server, "den") == {"bo": Role.OWNER}
    bo = await server.person("bo")
    with pytest.raises(UserNotFound):
        await server.runtime.rooms.rooms.open_direct(bo.user, "ana")
