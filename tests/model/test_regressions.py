"""Bugs that random histories have found."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from app.domain.appends import Committed, Delete, Edit, Join, Mute, Remove, Send
from app.domain.errors import RoomNotFound
from app.store.sqlite_connection import SqliteConnection
from tests.model.histories import PEOPLE, History
from tests.model.model_env import ModelEnv, new_installation

pytestmark = pytest.mark.sqlite_only

ANA, BO, CY = PEOPLE["ana"], PEOPLE["bo"], PEOPLE["cy"]


@pytest.fixture
def connection() -> Iterator[sa.Connection]:
    engine = new_installation()
    with engine.begin() as opened:
        connection = SqliteConnection(opened)
        yield connection
    engine.dispose()


def env_of(connection: sa.Connection, other: str = "public") -> ModelEnv:
    return ModelEnv(connection, History([], ("public", other), 0, 0, False, []))


def test_a_muted_member_who_rejoins_is_still_shown_as_muted(connection: sa.Connection) -> None:
    env = env_of(connection)
    common: dict[str, Any] = {"room": env.den, "at": env.at}
    env.commit([Mute(**common, by=ANA, user=BO, on=True)], [])
    env.commit([Remove(**common, by=BO, user=BO)], [])
    away = env.fetch(env.den, page=9)

    env.commit([Join(**common, by=BO)], [])

    for event in env.live(env.den)[away.cursor :]:
        away.apply(event)
    assert away.members["bo"]["muted_until"] == "9999-12-31T23:59:59.999Z"
    assert away.shown() == env.fetch(env.den, page=9).shown()


@pytest.mark.parametrize("together", [True, False], ids=["in one batch", "one by one"])
def test_a_retry_of_a_deleted_message_is_a_duplicate(
    connection: sa.Connection, together: bool
) -> None:
    env = env_of(connection)
    common: dict[str, Any] = {"room": env.den, "by": BO, "at": env.at}
    seq = env.fetch(env.den, page=9).cursor + 1
    requests = [
        Send(**common, client_id="a", text="hi"),
        Edit(**common, client_id="b", ref=seq, text="hi!"),
        Delete(**common, client_id="c", ref=seq),
        # Their texts are gone, so that they can't be compared.
        Send(**common, client_id="a", text="ho"),
        Edit(**common, client_id="b", ref=seq, text="ho!"),
    ]

    for appends in [requests] if together else [[append] for append in requests]:
        env.commit(appends, [])

    assert env.outcomes[-2:] == [
        Committed(seq, env.at, duplicate=True, room=env.den),
        Committed(seq + 1, env.at, duplicate=True, room=env.den),
    ]


def test_a_direct_room_takes_no_invitations(connection: sa.Connection) -> None:
    env = env_of(connection, "direct")

    env.commit([Join(room=env.lair, by=CY, at=env.at, invited=True)], [])

    assert isinstance(env.outcomes[-1], RoomNotFound)
