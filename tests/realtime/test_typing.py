"""Typing indicators, their expiry, and whom they reach."""

import asyncio
import json
from collections.abc import AsyncIterator, Collection

import pytest

from app.domain.errors import Unavailable
from app.domain.ids import UserId
from app.domain.limits import TYPING_SECONDS
from app.realtime.connection import SubscriptionState
from app.realtime.fanout import Fanout
from app.realtime.hub import Hub
from app.realtime.typing import Typing
from tests.harness.patience import turns, until
from tests.realtime.recording import ANA, BO, DEN, RecordingConnection


class Env:
    """A room with two subscribers: ana types, and bo receives."""

    def __init__(self, expiry_seconds: float) -> None:
        self.hub = Hub(Fanout())
        self.sent_to_other_nodes: list[object] = []
        self.separated: Collection[UserId] = ()
        self.readable = asyncio.Event()
        self.readable.set()
        self.typing = Typing(
            self.hub,
            self.read_separated,
            to_other_nodes=lambda *sent: self.sent_to_other_nodes.append(sent),
            expiry_seconds=expiry_seconds,
        )
        self.hub.on_unsubscribed = self.typing.end
        self.ana, self.bo = RecordingConnection(ANA), RecordingConnection(BO)
        for client in (self.ana, self.bo):
            self.hub.register(client.connection)
            subscription = self.hub.subscribe(client.connection, DEN, "den")
            subscription.set_state(SubscriptionState.LIVE)
        self.subscription = self.ana.connection.subscriptions[DEN]

    async def read_separated(self, user: UserId) -> Collection[UserId]:
        assert user == ANA
        await self.readable.wait()
        return self.separated

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
    await env.typing.begin(env.subscription)
    env.typing.end(env.subscription)
    env.typing.end(env.subscription)

    assert env.indicators == [True, False]
    assert env.ana.transport.payloads == []


@pytest.mark.parametrize("env", [0.005], indirect=True)
async def test_it_expires(env: Env) -> None:
    await env.typing.begin(env.subscription)

    await until(lambda: env.indicators == [True, False], "the end of the typing")


async def test_it_ends_with_its_subscription(env: Env) -> None:
    await env.typing.begin(env.subscription)
    env.hub.unsubscribe(env.subscription)

    assert env.indicators == [True, False]


async def test_it_ends_with_its_connection(env: Env) -> None:
    await env.typing.begin(env.subscription)
    env.hub.retire(env.ana.connection)
    env.hub.unregister(env.ana.connection)

    assert env.indicators == [True, False]


async def test_an_end_overtakes_no_beginning(env: Env) -> None:
    env.readable.clear()
    beginning = asyncio.create_task(env.typing.begin(env.subscription))
    await turns(2)
    env.typing.end(env.subscription)
    env.readable.set()
    await beginning

    assert env.indicators == []


async def test_a_renewal_that_is_being_read_can_be_ended(env: Env) -> None:
    await env.typing.begin(env.subscription)
    env.readable.clear()
    renewal = asyncio.create_task(env.typing.begin(env.subscription))
    await turns(2)
    env.typing.end(env.subscription)
    env.readable.set()
    await renewal

    assert env.indicators == [True, False]


async def test_it_does_not_reach_a_separated_user(env: Env) -> None:
    env.separated = {BO}

    await env.typing.begin(env.subscription)
    env.typing.end(env.subscription)

    assert env.indicators == []


async def test_it_is_lost_while_blocks_can_not_be_read(env: Env) -> None:
    async def unreadable(user: UserId) -> Collection[UserId]:
        raise Unavailable

    typing = Typing(env.hub, unreadable, to_other_nodes=lambda *_: None)
    await typing.begin(env.subscription)
    typing.end(env.subscription)

    assert env.indicators == []
