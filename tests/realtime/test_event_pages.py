"""Writing a page no faster than its peer reads."""

import pytest

from app.domain.close_codes import SLOW_CONSUMER
from app.realtime.connection import Subscription
from app.realtime.event_pages import EventPage, write_page
from app.realtime.fanout import Fanout
from app.realtime.hub import Hub
from app.realtime.outbox import Outbox
from app.realtime.slow_consumer import SlowConsumerPolicy
from app.wire.websocket_frame import text_frame
from tests.realtime.recording import BO, DEN, RecordingConnection, RecordingTransport

# Two of them are a chunk.
FRAMES = [text_frame(b"%d" % n * 20_000) for n in range(1, 7)]
PAGE = EventPage(FRAMES, range(1, 7), 6, revision=0)


@pytest.fixture
def hub() -> Hub:
    return Hub(Fanout())


class FillingTransport(RecordingTransport):
    """What is written stays unsent until :meth:`drained`; after so many times, it stays."""

    def __init__(self, drains: int) -> None:
        super().__init__()
        self._drains = drains
        self.unsent_at_drain: list[int] = []

    def write(self, frames: bytes) -> None:
        super().write(frames)
        self.waiting += len(frames)

    async def drained(self) -> None:
        self.unsent_at_drain.append(self.waiting)
        if len(self.unsent_at_drain) > self._drains:
            raise TimeoutError
        self.waiting = 0


def subscribe(hub: Hub, client: RecordingConnection) -> Subscription:
    return hub.subscribe(client.connection, DEN, "den")


def written(client: RecordingConnection) -> list[int]:
    return [int(payload[:1]) for payload in client.transport.payloads]


async def test_the_frames_after_a_seq_are_written_in_chunks(hub: Hub) -> None:
    client = RecordingConnection(BO)

    reached = await write_page(PAGE, subscribe(hub, client), 2, lambda: 0, Outbox.write)

    assert reached == 6
    assert written(client) == [3, 4, 5, 6]
    assert 1 < len(client.transport.writes) < 4


@pytest.mark.parametrize(
    ("page", "after"),
    [
        pytest.param(PAGE, 6, id="a client that has them all"),
        pytest.param(EventPage((), (), 9, 0), 3, id="a page without frames"),
    ],
)
async def test_without_frames_the_end_of_the_page_is_reached(
    hub: Hub, page: EventPage, after: int
) -> None:
    client = RecordingConnection(BO)

    reached = await write_page(page, subscribe(hub, client), after, lambda: 0, Outbox.write)

    assert reached == page.last
    assert client.transport.writes == []


async def test_a_small_page_is_one_chunk_that_all_clients_share(hub: Hub) -> None:
    page = EventPage([text_frame(b"one"), text_frame(b"two")], (1, 2), 2, revision=0)
    clients = [RecordingConnection(BO) for _ in range(2)]

    for client in clients:
        assert await write_page(page, subscribe(hub, client), 0, lambda: 0, Outbox.write) == 2

    [first], [second] = (client.transport.writes for client in clients)
    assert first is second


async def test_the_rest_of_a_stale_page_is_not_written(hub: Hub) -> None:
    client = RecordingConnection(BO)
    subscription = subscribe(hub, client)

    def revision() -> int:
        """An edit comes when something has been written."""
        return len(client.transport.writes)

    reached = await write_page(PAGE, subscription, 0, revision, Outbox.write)

    assert reached is not None
    assert written(client) == list(range(1, reached + 1))
    assert 0 < reached < 6


async def test_nothing_is_written_after_the_subscription_has_ended(hub: Hub) -> None:
    client = RecordingConnection(BO)
    subscription = subscribe(hub, client)

    def leave() -> int:
        if client.transport.writes:
            hub.unsubscribe(subscription)
        return 0

    reached = await write_page(PAGE, subscription, 0, leave, Outbox.write)

    assert reached is not None
    assert written(client) == list(range(1, reached + 1))
    assert 0 < reached < 6


async def test_it_pauses_for_a_slow_peer(hub: Hub) -> None:
    transport = FillingTransport(drains=10)
    client = RecordingConnection(BO, slow_consumer=SlowConsumerPolicy(60_000), transport=transport)

    reached = await write_page(PAGE, subscribe(hub, client), 0, lambda: 0, Outbox.write)

    assert reached == 6
    assert transport.unsent_at_drain
    assert max(transport.unsent_at_drain) <= 60_000
    assert client.closes == []


async def test_a_peer_that_has_stopped_reading_is_closed(hub: Hub) -> None:
    transport = FillingTransport(drains=1)
    client = RecordingConnection(BO, slow_consumer=SlowConsumerPolicy(60_000), transport=transport)

    assert await write_page(PAGE, subscribe(hub, client), 0, lambda: 0, Outbox.write) is None

    assert client.closes == [SLOW_CONSUMER]
    assert 0 < len(written(client)) < 6
