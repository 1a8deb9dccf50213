"""Typing indicators, and their expiry."""

import json
from collections.abc import AsyncIterator

import pytest

from app.domain.limits import TYPING_SECONDS
from app.realtime.connection import SubscriptionState
from app.realtime.fanout import Fanout
from app.realtime.hub import Hub
from app.realtime.typing import Typing
from tests.harness.patience import until
from tests.realtime.recording import ANA, BO, DEN, RecordingConnection


class Env:
    """A room with two subscribers: ana types, and bo receives."""

    def __init__(self, expiry_seconds: float) -> None:
        self.hub = Hub(Fanout())
        self.typing = Typing(self.hub, expiry_seconds=expiry_seconds)
        self.ana, self.bo = RecordingConnection(ANA), RecordingConnection(BO)
        for client in (self.ana, self.bo):
            self.hub.register(client.connection)
            subscription = self.hub.subscribe(client.connection, DEN, "den")
            subscription.set_state(SubscriptionState.LIVE)
        self.subscription = self.ana.connection.subscriptions[DEN]

    @property
    def indicators(self) -> list[bool]:
        frames = [json.loads(payload) for payload in self.bo.transport.payloads]
        assert all((f["type"], f["room"], f["by"]) == ("typing", "den", "ana") for f in frames)
        return [frame["on"] for frame in frames]


@pytest.fixture
async def env(request: pytest.FixtureRequest) -> AsyncIterator[Env]:
    env = Env(getattr(request, "param", TYPING_SECONDS))
    yield env
    env.typing.close()


async def test_the_other_subscribers_see_it_start_and_end(env: Env) -> None:
    env.typing.signal(env.subscription, on=True)
    env.typing.signal(env.subscription, on=False)
    env.typing.signal(env.subscription, on=False)

    assert env.indicators == [True, False]
    assert env.ana.transport.payloads == []


@pytest.mark.parametrize("env", [0.005], indirect=True)
async def test_it_expires(env: Env) -> None:
    env.typing.signal(env.subscription, on=True)

    await until(lambda: env.indicators == [True, False], "the end of the typing")


async def test_it_ends_with_its_connection(env: Env) -> None:
    env.typing.signal(env.subscription, on=True)
    env.typing.forget(env.ana.connection)
    env.typing.forget(env.ana.connection)

    assert env.indicators == [True, False]
