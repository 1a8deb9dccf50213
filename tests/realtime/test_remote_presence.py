"""Who is present on other nodes: who comes to the first and leaves the last, within bounds."""

import pytest

from app.broker.presence import Users
from app.domain.ids import RoomId, UserId
from app.domain.views import Present
from app.realtime.remote_presence import RemotePresence

from .recording import ANA, BO, DEN, EVE


def some(*users: UserId) -> Users:
    return {user: Present(f"u{user}", f"U{user}") for user in users}


class Changes:
    """Records who comes and goes."""

    def __init__(self, remote: RemotePresence) -> None:
        self.seen: list[tuple[str, UserId]] = []
        remote.on_came = lambda room, user, who: self.seen.append(("came", user))
        remote.on_left = lambda room, user: self.seen.append(("left", user))


@pytest.fixture
def remote() -> RemotePresence:
    return RemotePresence(max_present=4)


def test_a_user_comes_with_the_first_node_and_leaves_with_the_last(remote: RemotePresence) -> None:
    changes = Changes(remote)

    remote.update("a", DEN, some(ANA, BO))
    remote.update("b", DEN, some(BO))
    remote.update("a", DEN, some(ANA))
    assert remote.has(DEN, BO)
    remote.drop("b")
    remote.drop("a")
    remote.drop("never seen")

    assert changes.seen == [
        ("came", ANA),
        ("came", BO),
        ("left", BO),
        ("left", ANA),
    ]
    assert remote.users(DEN) == {}
    assert list(remote.rooms_of("a")) == []


def test_a_name_that_one_node_knows_is_known(remote: RemotePresence) -> None:
    remote.update("a", DEN, some(ANA))
    remote.update("b", DEN, {ANA: None, BO: None})

    assert remote.users(DEN) == {**some(ANA), BO: None}


def test_what_has_no_place_is_not_taken_over(remote: RemotePresence) -> None:
    remote.update("a", DEN, some(ANA, BO, EVE))
    remote.update("a", RoomId(2), some(ANA, BO))
    assert remote.users(RoomId(2)) == {}

    remote.update("a", DEN, some(ANA))
    remote.update("a", RoomId(2), some(ANA, BO))
    remote.update("b", RoomId(3), some(EVE))
    remote.update("b", RoomId(4), some(EVE))

    assert list(remote.users(RoomId(2))) == [ANA, BO]
    assert remote.has(RoomId(3), EVE)
    assert not remote.has(RoomId(4), EVE)
