"""Which messages a batch loads: none that its author may not know of."""

import pytest
import sqlalchemy as sa

from app.domain.appends import Admit, Append, Delete, React, Send
from app.domain.roles import Kind
from app.store.database import Database
from app.store.tables import rooms
from app.store.working_set_loader import load
from tests.store.log_env import GENERAL, LogEnv, insert_user


@pytest.fixture
async def env(database: Database) -> LogEnv:
    """A private room of ana and bo with a message, 4, that has a reaction. Eve is a stranger."""
    env = LogEnv(database)
    await env.add_users("ana", "bo", "eve")
    await env.join("ana", "bo")
    await env.append(Send, "ana", text="hello")
    await env.append(React, "bo", ref=4, emoji="👍", on=True)
    await kind(env, Kind.PRIVATE)
    return env


async def kind(env: LogEnv, kind: Kind) -> None:
    change = sa.update(rooms).where(rooms.c.id == GENERAL).values(kind=kind.value)
    await env.database.write(lambda c: c.execute(change) and None)


async def loaded(env: LogEnv, *appends: Append) -> dict[int, dict[str, set[int]]]:
    """The reactions of each message that was loaded, by seq."""
    ws = await env.database.write(lambda c: load(c, appends))
    return {seq: dict(m.reactions) for (_, seq), m in ws.messages.items()}


def react(env: LogEnv, by: str) -> Append:
    return React(room=GENERAL, by=env.users[by], at=env.now, ref=4, emoji="👍", on=True)


async def test_a_member_and_the_operator_get_the_message(env: LogEnv) -> None:
    found = {4: {"👍": {env.users["bo"]}}}

    assert await loaded(env, react(env, "ana")) == found
    assert await loaded(env, react(env, "ana"), react(env, "eve")) == found
    assert await loaded(env, Delete(room=GENERAL, by=None, at=env.now, ref=4)) == {4: {}}
    reply = Send(room=GENERAL, by=env.users["bo"], at=env.now, text="yes", reply_to=4)
    assert await loaded(env, reply) == {4: {}}


async def test_nothing_of_a_hidden_room_is_read_for_a_stranger(env: LogEnv) -> None:
    assert await loaded(env, react(env, "eve")) == {}


async def test_who_joins_in_the_same_batch_gets_it(env: LogEnv) -> None:
    admit = Admit(room=GENERAL, by=env.users["ana"], at=env.now, user=env.users["eve"], role=None)

    assert 4 in await loaded(env, admit, react(env, "eve"))


async def test_an_administrator_and_readers_of_a_public_room_get_it(env: LogEnv) -> None:
    env.users["root"] = await env.database.write(lambda c: insert_user(c, "root", is_admin=True))
    assert 4 in await loaded(env, react(env, "root"))

    await kind(env, Kind.PUBLIC)
    assert 4 in await loaded(env, react(env, "eve"))
