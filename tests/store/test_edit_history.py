"""What messages said before they were edited."""

import pytest

from app.domain.ids import event_id
from app.store import edit_history
from app.store.database import Database
from tests.store.message_env import DEN, MessageEnv


@pytest.fixture
async def env(database: Database) -> MessageEnv:
    """Ten messages, each with another event after it: 1, 3, 5, … 19."""
    env = MessageEnv(database)
    await env.fill(DEN, messages=10)
    return env


async def test_wordings_come_in_pages_without_the_present_one(env: MessageEnv) -> None:
    for seq in (4, 6, 8):
        await env.execute(
            "UPDATE events SET type = 'message.edited', ref = 3,"
            f" text = 'wording {seq}' WHERE id = {event_id(DEN, seq)}"
        )

    whole = await env.read(lambda c: edit_history.wordings(c, DEN, 3, after=0, limit=9))
    first = await env.read(lambda c: edit_history.wordings(c, DEN, 3, after=0, limit=2))
    then = await env.read(lambda c: edit_history.wordings(c, DEN, 3, after=4, limit=2))

    assert [(w.seq, w.text) for w in whole] == [(3, "text 3"), (4, "wording 4"), (6, "wording 6")]
    assert (first, then) == (whole[:2], whole[2:])
    assert await env.read(lambda c: edit_history.wordings(c, DEN, 5, after=0, limit=9)) == []
