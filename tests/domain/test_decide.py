"""A request that is refused changes nothing."""

import pytest

from app.domain.errors import Muted
from app.domain.working_set import FOREVER
from tests.domain.env import Env


def test_a_refused_request_leaves_no_trace() -> None:
    env = Env()
    env.person("bo").muted_until = FOREVER

    with pytest.raises(Muted):
        env.send("bo", client_id="k")

    assert env.room.head == 0
    env.person("bo").muted_until = None
    assert env.send("bo", client_id="k") == 1
