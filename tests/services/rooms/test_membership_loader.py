"""The rooms of a user."""

from tests.harness.server import Server


async def test_memberships_come_by_name_up_to_a_limit(server: Server) -> None:
    for name in ("zoo", "attic", "den"):
        await server.room(name)
    ana, eve = [(await server.person(name)).user for name in ("ana", "eve")]
    memberships = server.runtime.rooms.memberships

    shown = await memberships.room_views(ana, 2)

    assert [view.name for view in shown] == ["attic", "den"]
    assert len(await memberships.of(ana)) == 3
    assert list(await memberships.of(eve)) == []
    assert await memberships.room_views(eve, 10) == []
