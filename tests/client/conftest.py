"""A real server for the tests of the client, and a network between them that a test can break."""

from collections.abc import AsyncIterator, Callable
from itertools import count
from typing import Any

import pytest

from parley_client import Client
from tests.client.fault_proxy import FaultProxy, fault_proxy
from tests.client.scripted_server import QUICK
from tests.harness.process import PASSWORD, Login, Process

_NUMBERS = count(1)


@pytest.fixture(scope="session")
async def process(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Process]:
    """A server that all tests share: each uses rooms and users of its own."""
    process = Process(tmp_path_factory.mktemp("server"))
    await process.start()
    yield process
    await process.stop()


@pytest.fixture
async def proxy(process: Process) -> AsyncIterator[FaultProxy]:
    """The network of this test."""
    async with fault_proxy(process.address) as proxy:
        yield proxy


@pytest.fixture
async def ana(process: Process) -> Login:
    """A user of this test's own."""
    return await process.person(f"ana{next(_NUMBERS)}")


@pytest.fixture
async def room(process: Process, ana: Login) -> str:
    """A public room of this test's own, owned by ana; its log has one event."""
    name = f"room{next(_NUMBERS)}"
    answer = await process.client().post(
        "/rooms", json={"name": name, "title": name, "kind": "public"}, headers=ana.bearer
    )
    assert answer.status_code == 201, answer.text
    return name


NewClient = Callable[..., Client]


@pytest.fixture
def client_of(proxy: FaultProxy) -> NewClient:
    """Makes clients that go through the proxy."""

    def client_of(who: Login, **options: Any) -> Client:
        return Client(
            f"http://{proxy.address}",
            who.name,
            PASSWORD,
            **{"limits": QUICK, "trust_env": False, **options},
        )

    return client_of
