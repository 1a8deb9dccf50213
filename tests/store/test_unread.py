"""Unread counts: which messages count, and what counting costs."""

import pytest

from app.domain.appends import Admit, Delete, Send
from app.domain.ids import RoomId, UserId
from app.domain.limits import MAX_UNREAD_COUNTED
from app.domain.roles import Kind, Role
from app.domain.views import RoomView
from app.store import room_views
from app.store.database import Database
from app.store.room_views import RoomViewKey
from tests.store.log_env import LogEnv
from tests.store.message_env import MessageEnv
from tests.store.statements import is_constant


class UnreadEnv(LogEnv):
    """With a room in which ana is owner and bo a member, who has read up to 1."""

    den = RoomId(0)

    async def view(self, name: str, seen: int = 0) -> RoomView:
        key = RoomViewKey(self.den, self.users[name], seen)
        return (await self.read(lambda c: room_views.load(c, [key])))[key]


@pytest.fixture
async def env(database: Database) -> UnreadEnv:
    env = UnreadEnv(database)
    await env.add_users("ana", "bo")
    env.den = await env.create_room("den", Kind.PRIVATE)
    await env.append(Admit, "ana", env.den, user=env.users["bo"])
    return env


async def test_messages_by_others_that_are_not_deleted_count(env: UnreadEnv) -> None:
    for text in ("one", "two", "three"):
        await env.send("ana", text, env.den)
    await env.send("bo", "mine", env.den)
    await env.send("ana", "@bo", env.den, mentions=["bo"])
    await env.append(Delete, "ana", env.den, ref=4)

    bo, ana = await env.view("bo"), await env.view("ana")

    assert (bo.head, bo.read, bo.unread, bo.mentions) == (8, 1, 3, 1)
    assert (ana.role, ana.unread, ana.mentions) == (Role.OWNER, 1, 0)


async def test_a_marker_on_its_way_counts_but_not_beyond_the_head(env: UnreadEnv) -> None:
    for text in ("one", "two", "three"):
        await env.send("ana", text, env.den)

    views = [await env.view("bo", seen) for seen in (0, 1, 4, 5, 99)]

    assert [(view.read, view.unread) for view in views] == [(1, 3), (1, 3), (4, 1), (5, 0), (5, 0)]


async def test_counting_stops_where_clients_show_no_more(env: UnreadEnv) -> None:
    await env.commit(
        *(
            Send(room=env.den, by=env.users["ana"], at=env.now, text="@bo", mentions=["bo"])
            for _ in range(MAX_UNREAD_COUNTED + 5)
        )
    )

    view = await env.view("bo")

    assert (view.unread, view.mentions) == (MAX_UNREAD_COUNTED, MAX_UNREAD_COUNTED)


@pytest.mark.sqlite_only
async def test_the_cost_does_not_grow_with_the_room(database: Database) -> None:
    env = MessageEnv(database)
    reader = UserId(2)
    await env.execute(
        "INSERT INTO users (id, username, display_name, created_at) VALUES (2, 'bo', 'Bo', 0)"
    )
    rooms = {RoomId(13): 200, RoomId(14): 20_000}
    for room, messages in rooms.items():
        await env.fill(room, messages=messages)
        await env.execute(
            f"INSERT INTO members (room_id, user_id, role) VALUES ({room}, {reader}, 'member')"
        )

    def load(room: RoomId, seen: int):
        return lambda c: room_views.load(c, [RoomViewKey(room, reader, seen)])

    # All is unread; then, only the newest messages.
    for unread in (None, 50):
        costs = [
            await env.cost(load(room, 0 if unread is None else 2 * (messages - unread)))
            for room, messages in rooms.items()
        ]
        assert is_constant(*costs)
