"""What random histories have found, each told once."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from app.domain.appends import Committed, Delete, Edit, Join, Mute, Remove, Send
from app.domain.errors import RoomNotFound
from tests.model.histories import PEOPLE, History
from tests.model.house import House, furnished

pytestmark = pytest.mark.sqlite_only

ANA, BO, CY = PEOPLE["ana"], PEOPLE["bo"], PEOPLE["cy"]


@pytest.fixture
def connection() -> Iterator[sa.Connection]:
    engine = furnished()
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def house_of(connection: sa.Connection, other: str = "public") -> House:
    return House(connection, History([], ("public", other), 0, 0, False, []))


def test_who_comes_back_muted_is_seen_to_be(connection: sa.Connection) -> None:
    house = house_of(connection)
    common: dict[str, Any] = {"room": house.den, "at": house.at}
    house.redoes([Mute(**common, by=ANA, user=BO, on=True)], [])
    house.redoes([Remove(**common, by=BO, user=BO)], [])
    away = house.fetch(house.den, page=9)

    house.redoes([Join(**common, by=BO)], [])

    for event in house.live(house.den)[away.cursor :]:
        away.apply(event)
    assert away.members["bo"]["muted_until"] == "9999-12-31T23:59:59.999Z"
    assert away.shown() == house.fetch(house.den, page=9).shown()


@pytest.mark.parametrize("together", [True, False], ids=["in one batch", "one by one"])
def test_a_retry_of_what_was_deleted_is_a_duplicate(
    connection: sa.Connection, together: bool
) -> None:
    house = house_of(connection)
    common: dict[str, Any] = {"room": house.den, "by": BO, "at": house.at}
    seq = house.fetch(house.den, page=9).cursor + 1
    asked = [
        Send(**common, client_id="a", text="hi"),
        Edit(**common, client_id="b", ref=seq, text="hi!"),
        Delete(**common, client_id="c", ref=seq),
        # Their texts are gone: nobody can tell whether these are the same.
        Send(**common, client_id="a", text="ho"),
        Edit(**common, client_id="b", ref=seq, text="ho!"),
    ]

    for appends in [asked] if together else [[append] for append in asked]:
        house.redoes(appends, [])

    assert house.outcomes[-2:] == [
        Committed(seq, house.at, duplicate=True, room=house.den),
        Committed(seq + 1, house.at, duplicate=True, room=house.den),
    ]


def test_nobody_is_invited_into_a_direct_room(connection: sa.Connection) -> None:
    house = house_of(connection, "direct")

    house.redoes([Join(room=house.lair, by=CY, at=house.at, invited=True)], [])

    assert isinstance(house.outcomes[-1], RoomNotFound)
