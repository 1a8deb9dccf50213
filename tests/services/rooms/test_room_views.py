"""Rooms as their members see them, with read markers that are not written yet."""

from app.domain.ids import RoomId
from app.domain.roles import Role
from tests.harness.server import Server


async def test_a_view_includes_a_marker_that_is_not_written_yet(server: Server) -> None:
    ana = await server.joins("ana", "general")
    bo = await server.joins("bo", "general")
    for text in ("one", "two @bo", "three"):
        last = await ana.ask("send", text=text)
    user, room = (await server.person("bo")).user, server.room_id("general")
    get = server.runtime.rooms.room_views.get

    before = await get(room, user)
    await bo.ask("read", seq=last["seq"] - 1)
    after = await get(room, user)

    assert before is not None
    assert after is not None
    assert (before.unread, before.mentions, before.role) == (3, 1, Role.MEMBER)
    assert (after.unread, after.mentions, after.read) == (1, 0, last["seq"] - 1)
    assert await get(RoomId(404), user) is None
