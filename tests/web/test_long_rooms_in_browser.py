"""A room with thousands of messages: the page is never busy for long, and never grows."""

import json
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from websockets.sync.client import ClientConnection, connect

from tests.web.conftest import Server, unique
from tests.web.test_browser import OpenPage, open_room, register

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]

MAX_TASK_MS = 50
"""From here on, people feel that a page is busy."""

MAX_ROWS = 300

MAX_GROWTH_BYTES = 1_000_000
"""Of the heap, over messages that come and go: less than 1,000 of them take."""

# Unacknowledged messages at a time.
WINDOW = 64

TWO_FRAMES = """() => new Promise((resolve) => {
    requestAnimationFrame(() => requestAnimationFrame(resolve));
})"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(
        tmp_path_factory.mktemp("server"), FRAMES_PER_SECOND="100000", FRAME_BURST="100000"
    )
    try:
        yield server
    finally:
        server.close()


class Crowd:
    """The owner of a room, who writes as fast as the server takes it."""

    def __init__(
        self, server: Server, room: str, connection: ClientConnection, token: str
    ) -> None:
        self._server = server
        self._room = room
        self._connection = connection
        self._token = token
        self.count = 0

    def set_topic(self, title: str) -> None:
        """Change what stands above the messages: an event that comes after those before it."""
        self._server.call(self._token, "PATCH", f"/rooms/{self._room}", {"title": title})

    def write(self, count: int) -> str:
        """Send messages of various lengths; return the text of the last."""
        sent = acks = 0
        while acks < count:
            while sent < min(count, acks + WINDOW):
                number = self.count + sent
                text = f"number {number}." + " and so on" * (number % 9)
                frame = {"type": "send", "id": f"{number}", "text": text}
                self._connection.send(json.dumps(frame))
                sent += 1
            frame = json.loads(self._connection.recv())
            assert frame["type"] != "error", frame
            acks += frame["type"] == "ack"
        self.count += count
        return f"number {self.count - 1}."


@pytest.fixture
def room(server: Server) -> str:
    return unique("room")


@pytest.fixture
def crowd(server: Server, room: str) -> Iterator[Crowd]:
    server.start()
    token = server.new_user(unique("crowd"))
    server.call(token, "POST", "/rooms", {"name": room, "kind": "public"})
    address = server.url.replace("http", "ws", 1) + f"/ws/{room}"
    headers = {"Authorization": f"Bearer {token}"}
    with connect(address, additional_headers=headers) as connection:
        yield Crowd(server, room, connection, token)


def shows(page: Page, text: str) -> None:
    expect(page.get_by_role("log").locator("li.message", has_text=text)).to_be_visible()


def longest_task_ms(browser: Browser, page: Page, work: Callable[[], None]) -> float:
    """
    The processor time of the longest task of the page's main thread during some work.

    Not the time on the clock: others use the machine, too.
    """
    browser.start_tracing(page=page, categories=["toplevel", "devtools.timeline", "__metadata"])
    try:
        work()
        page.evaluate(TWO_FRAMES)
    finally:
        trace = json.loads(browser.stop_tracing())
    events = trace["traceEvents"]
    threads = {
        (event["pid"], event["tid"])
        for event in events
        if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    tasks = [
        event["tdur"] / 1_000
        for event in events
        if event["name"].endswith("RunTask")
        and (event["pid"], event["tid"]) in threads
        and "tdur" in event
    ]
    assert len(tasks) > 10
    return max(tasks)


def rows(page: Page) -> int:
    return page.locator("#messages > li").count()


@pytest.mark.hard
def test_no_task_is_long_in_a_room_of_5000_messages(
    browser: Browser, open_page: OpenPage, room: str, crowd: Crowd
) -> None:
    """Hard, since the processor time of a task depends on the machine."""
    alice = open_room(register(open_page(), "alice"), room)
    last = crowd.write(5_000)
    alice.reload()
    shows(alice, last)
    first = alice.get_by_role("log").locator("li.message", has_text="number 0.")

    def reads_back() -> None:
        alice.get_by_role("log").hover()
        while first.count() == 0:
            for _ in range(10):
                alice.mouse.wheel(0, -1_500)
            assert rows(alice) <= MAX_ROWS

    def receives() -> None:
        for _ in range(20):
            crowd.write(1)
            # Looking for rows from here would be a task of the page.
            alice.evaluate(TWO_FRAMES)

    longest = {"reading back": longest_task_ms(browser, alice, reads_back)}
    longest["reading further up"] = longest_task_ms(browser, alice, receives)
    alice.get_by_role("button", name="New messages below").click()
    shows(alice, f"number {crowd.count - 1}.")
    longest["reading the end"] = longest_task_ms(browser, alice, receives)
    shows(alice, f"number {crowd.count - 1}.")
    assert max(longest.values()) <= MAX_TASK_MS, longest
    assert rows(alice) <= MAX_ROWS


def heap_bytes(page: Page) -> int:
    """What the page holds of objects that are in use."""
    session = page.context.new_cdp_session(page)
    # What is freed by one collection lets go of what the next one frees.
    for _ in range(3):
        session.send("HeapProfiler.collectGarbage")
    used = session.send("Runtime.getHeapUsage")["usedSize"]
    session.detach()
    return int(used)


@pytest.mark.parametrize(
    "count", [3_000, pytest.param(50_000, marks=pytest.mark.hard)], ids=["some", "all"]
)
@pytest.mark.parametrize("reads_back", [False, True], ids=["at-the-end", "further-up"])
def test_memory_stays_flat_while_messages_arrive(
    open_page: OpenPage, room: str, crowd: Crowd, *, count: int, reads_back: bool
) -> None:
    alice = open_room(register(open_page(), "alice"), room)
    shows(alice, crowd.write(100))
    if reads_back:
        alice.get_by_role("log").evaluate("log => { log.scrollTop = 600; }")
    # As much as the page ever holds.
    crowd.write(2_500)
    settled(alice, crowd)
    before = heap_bytes(alice)

    crowd.write(count)
    settled(alice, crowd)

    growth = heap_bytes(alice) - before
    assert growth < MAX_GROWTH_BYTES
    assert rows(alice) <= MAX_ROWS
    if reads_back:
        alice.get_by_role("button", name="New messages below").click()
    shows(alice, f"number {crowd.count - 1}.")


def settled(page: Page, crowd: Crowd) -> None:
    """Wait until the page has got all that was written."""
    crowd.set_topic(f"after {crowd.count}")
    expect(page.locator("#room-title")).to_have_text(f"after {crowd.count}", timeout=120_000)
    page.evaluate(TWO_FRAMES)
