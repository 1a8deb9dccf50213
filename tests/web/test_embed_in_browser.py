"""`<parley-chat>` on a page of another origin, under a strict policy: the example, as it is."""

import json
import threading
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.docs.pages import blocks
from tests.web.conftest import OUTAGE, Server, unique
from tests.web.test_accessibility import AXE, findings

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]

EXAMPLE = Path(__file__).parents[2] / "examples" / "embed"
SERVER = "https://chat.example.org"
POLICY = blocks("docs/embed.md")[2].text.strip()
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
PASSWORD = "correct horse battery"
FAILED = "<parley-chat>: getToken has failed: Error: There is no token"
ENDED = "<parley-chat>: the connection has ended: Refused: The token is not one of Parley's."
TOLD = (FAILED, ENDED, "ERR_INTERNET_DISCONNECTED", "ERR_FAILED")
"""What the console says to the developer of the page."""


class Shop(ThreadingHTTPServer):
    """The server of the page around the chat."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        # Where its files are.
        self.folder = EXAMPLE
        self.policy = POLICY
        self.origin = f"http://127.0.0.1:{self.server_port}"
        self.chat: Server

    def serve(self) -> None:
        """Answer requests, in a thread."""
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop answering."""
        self.shutdown()
        self.server_close()

    def register(self, name: str, shown: str | None = None) -> None:
        """Make an account, perhaps with a display name."""
        account = {"username": name, "password": PASSWORD, "display_name": shown}
        body = json.dumps(account).encode()
        self._call("POST", "/users", body, {"Content-Type": "application/json"})

    def write_and_go(self, name: str, text: str, *, leaves: bool) -> None:
        """Let a user who isn't connected write in the room of the page, and perhaps leave it."""
        headers = {
            "Authorization": f"Bearer {self._token(name)}",
            "Content-Type": "application/json",
        }
        where = f"/rooms/general/members/{name}"
        self._call("PUT", where, b"", headers)
        self.write(headers, text)
        if leaves:
            self._call("DELETE", where, b"", headers)

    def write_many(self, name: str, texts: Iterable[str]) -> None:
        """Let a user who isn't connected write in the room of the page."""
        self.register(name)
        headers = {
            "Authorization": f"Bearer {self._token(name)}",
            "Content-Type": "application/json",
        }
        self._call("PUT", f"/rooms/general/members/{name}", b"", headers)
        for text in texts:
            self.write(headers, text)

    def write(self, headers: dict[str, str], text: str) -> None:
        """Send a message as the user of these headers."""
        body = json.dumps({"text": text}).encode()
        self._call("POST", "/rooms/general/messages", body, headers)

    def give_token(self, route: Route, name: str) -> None:
        """Answer the page of a user who asks for a token."""
        try:
            route.fulfill(body=self._token(name))
        except OSError:
            route.fulfill(status=503)

    def _token(self, name: str) -> str:
        form = urllib.parse.urlencode({"username": name, "password": PASSWORD}).encode()
        return str(json.loads(self._call("POST", "/token", form, {}))["access_token"])

    def _call(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> bytes:
        url = self.chat.url + path
        request = urllib.request.Request(url, body or None, headers, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return bytes(answer.read())


class Handler(BaseHTTPRequestHandler):
    server: Shop

    def do_GET(self) -> None:
        """Serve the example with the address of the chat."""
        address = self.server.chat.url
        file = self.server.folder / (self.path.strip("/") or "index.html")
        if not file.is_file():
            self.send_error(404)
            return
        kind, body = TYPES[file.suffix], file.read_bytes()
        policy = self.server.policy.replace(SERVER, address)
        policy = policy.replace("wss://chat.example.org", address.replace("http", "ws", 1))
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Security-Policy", policy)
        self.end_headers()
        self.wfile.write(body.replace(SERVER.encode(), address.encode()))

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    shop = Shop()
    shop.serve()
    shop.chat = Server(tmp_path_factory.mktemp("chat"), ALLOWED_ORIGINS=shop.origin)
    shop.chat.start()
    yield shop
    shop.chat.close()
    shop.close()


@pytest.fixture
def open_shop(browser: Browser, shop: Shop) -> Iterator[Callable[[str], Page]]:
    """Open the page as a new user; fails the test if the browser logged an error."""
    logged: list[str] = []
    contexts = []

    def open_shop(name: str) -> Page:
        user = unique(name)
        shop.register(user)
        context = browser.new_context()
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: logged.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: logged.append(str(error)))
        page.route("**/chat-token", lambda route: shop.give_token(route, user))
        page.goto(shop.origin)
        return page

    yield open_shop
    for context in contexts:
        assert context.cookies() == []
        context.close()
    # A shop without an icon, and a chat that was away.
    expected = (*OUTAGE, "404 (Not Found)", "403 (Forbidden)", "503 (Service Unavailable)", *TOLD)
    assert [line for line in logged if not any(word in line for word in expected)] == []


def write(page: Page, text: str) -> None:
    box = page.get_by_label("Message", exact=True)
    box.fill(text)
    box.press("Enter")


def test_people_talk_from_a_page_with_a_strict_policy(open_shop: Callable[[str], Page]) -> None:
    ana, bo = open_shop("ana"), open_shop("bo")
    expect(bo.get_by_label("Message", exact=True)).to_be_visible()

    write(ana, "a **bold** <img src=x onerror=alert(1)>")

    expect(bo.get_by_text("a bold <img src=x onerror=alert(1)>")).to_be_visible()
    expect(bo.locator("parley-chat strong")).to_have_text("bold")
    assert bo.locator("iframe").count() == 0
    accent = "button => getComputedStyle(button).backgroundColor"
    assert bo.get_by_role("button", name="Send").evaluate(accent) == "rgb(124, 58, 237)"


def test_people_have_their_names_also_when_they_are_absent(
    open_shop: Callable[[str], Page], shop: Shop
) -> None:
    member, gone, later = (unique(name) for name in ("cy", "dee", "eve"))
    for name, shown in ((member, "Cy Young"), (gone, "Dee Bee"), (later, "Eve Ning")):
        shop.register(name, shown)
    text = unique("hello")
    shop.write_and_go(member, f"{text} from a member", leaves=False)
    shop.write_and_go(gone, f"{text} from one who left", leaves=True)

    ana = open_shop("ana")
    rows = ana.locator("parley-chat li.message", has_text=text)
    expect(rows.nth(0).locator("b")).to_have_text("Cy Young")
    expect(rows.nth(1).locator("b")).to_have_text("Dee Bee")
    shop.write_and_go(later, f"{text} from a stranger", leaves=True)

    expect(rows.nth(2).locator("b")).to_have_text("Eve Ning")


def test_what_is_written_during_an_outage_and_a_reload_arrives_once(
    open_shop: Callable[[str], Page], shop: Shop
) -> None:
    ana, bo = open_shop("ana"), open_shop("bo")
    expect(ana.get_by_label("Message", exact=True)).to_be_visible()
    shop.chat.close()
    text = unique("during the outage")
    write(ana, text)
    expect(ana.get_by_text("Sending…")).to_be_visible()

    shop.chat.start()
    expect(bo.get_by_text(text)).to_have_count(1)
    expect(ana.get_by_text("Sending…")).to_have_count(0)
    ana.reload()
    expect(ana.get_by_text(text)).to_have_count(1)


def test_an_element_that_is_removed_ends_its_connection(open_shop: Callable[[str], Page]) -> None:
    page = open_shop("ana")
    expect(page.get_by_label("Message", exact=True)).to_be_visible()
    sockets: list[str] = []
    page.on("websocket", lambda socket: sockets.append(socket.url))

    # As a framework mounts twice: out and in again in one turn, then with another room.
    page.evaluate(
        """() => {
          const chat = document.querySelector("parley-chat");
          chat.remove();
          document.body.append(chat);
        }"""
    )
    expect(page.get_by_label("Message", exact=True)).to_be_visible()
    assert sockets == []
    page.evaluate("document.querySelector('parley-chat').room = 'no-such-room'")
    expect(page.get_by_role("status")).to_contain_text("no such room")
    assert len(sockets) == 1


def state(page: Page) -> Locator:
    return page.locator("parley-chat").get_by_role("status")


def test_a_page_that_can_not_log_its_user_in_says_so_and_tells_its_developer_why(
    open_shop: Callable[[str], Page],
) -> None:
    page = open_shop("ana")
    expect(page.get_by_label("Message", exact=True)).to_be_visible()
    console: list[str] = []
    page.on("console", lambda message: console.append(message.text))
    page.route("**/chat-token", lambda route: route.fulfill(status=403))

    page.reload()
    expect(state(page)).to_have_text("You could not be logged in. Trying again…")
    expect(page.get_by_label("Message", exact=True)).to_be_hidden()
    retry = page.get_by_role("button", name="Try again")
    with page.expect_request("**/chat-token"):
        retry.click()

    # Once, however often it is tried.
    (told,) = (line for line in console if FAILED in line)
    assert told.startswith(f"{FAILED}: 403")
    page.unroute("**/chat-token")
    page.route("**/chat-token", lambda route: route.fulfill(body="two words"))
    expect(state(page)).to_have_text("You could not be logged in.")
    assert [line for line in console if ENDED in line] != []


def test_a_user_who_is_logged_in_at_last_goes_on_by_a_button(
    open_shop: Callable[[str], Page], shop: Shop
) -> None:
    page = open_shop("ana")
    name = unique("ann")
    shop.register(name)
    page.route("**/chat-token", lambda route: route.fulfill(body="two words"))
    page.reload()
    expect(state(page)).to_have_text("You could not be logged in.")

    page.route("**/chat-token", lambda route: shop.give_token(route, name))
    page.get_by_role("button", name="Try again").click()

    expect(page.get_by_label("Message", exact=True)).to_be_visible()
    expect(state(page)).to_have_text("")
    write(page, text := unique("at last"))
    expect(page.get_by_text(text)).to_be_visible()


def test_the_state_of_the_connection_is_told_while_it_is_bad(
    open_shop: Callable[[str], Page], shop: Shop
) -> None:
    page = open_shop("ana")
    expect(page.get_by_label("Message", exact=True)).to_be_visible()
    expect(state(page)).to_have_text("")
    assert page.locator("parley-chat .state").bounding_box()["height"] == 0  # type: ignore[index]

    shop.chat.close()
    expect(state(page)).to_have_text("Not connected. Trying again…")
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    page.context.set_offline(True)
    expect(state(page)).to_have_text("You are offline. What you write is sent when you are back.")
    page.context.set_offline(False)
    shop.chat.start()

    expect(state(page)).to_have_text("Connected again.")
    expect(state(page)).to_have_text("")


@pytest.mark.skipif(not AXE.exists(), reason="npm is not installed")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_has_no_serious_barrier(
    open_shop: Callable[[str], Page], shop: Shop, scheme: str
) -> None:
    page = open_shop("ana")
    write(page, unique("a [link](https://example.org) and `code`"))
    page.add_init_script(path=AXE)
    page.reload()
    page.evaluate("scheme => { document.documentElement.style.colorScheme = scheme; }", scheme)
    expect(rows(page).last).to_be_visible()
    page.context.set_offline(True)
    expect(state(page)).to_contain_text("You are offline.")

    assert [found for found in findings(page) if "parley-chat" in found] == []


def rows(page: Page) -> Locator:
    return page.locator("parley-chat li.message")


# The first message in view, and how far it is from the top.
PLACE = """log => {
    const top = log.getBoundingClientRect().top;
    const place = (row) => row.getBoundingClientRect();
    const rows = [...log.querySelectorAll("li.message")];
    const row = rows.find((each) => place(each).bottom > top);
    return [row.querySelector(".text").textContent, Math.round(place(row).top - top)];
}"""
MOST_ROWS = 300


def test_a_reader_further_up_keeps_their_place_and_the_page_its_size(
    open_shop: Callable[[str], Page], shop: Shop
) -> None:
    name, mark = unique("bo"), unique("line")
    shop.write_many(name, [f"{mark} {number}" for number in range(120)])
    ana = open_shop("ana")
    log = ana.get_by_role("log")
    expect(rows(ana).get_by_text(f"{mark} 119", exact=True)).to_be_in_viewport()
    ana.get_by_role("button", name="Earlier messages").click()
    expect(rows(ana).get_by_text(f"{mark} 30", exact=True)).to_be_attached()
    log.evaluate("log => { log.scrollTop = 300; }")
    expect(ana.get_by_role("button", name="Newest messages")).to_be_visible()
    place = log.evaluate(PLACE)

    shop.write_many(unique("cy"), [f"{mark} {number}" for number in range(120, 600)])
    newest = ana.get_by_role("button", name="New messages")
    expect(newest).to_be_visible()
    later = ana.get_by_role("button", name="Later messages")
    expect(later).to_be_visible()
    assert log.evaluate(PLACE) == place
    assert rows(ana).count() <= MOST_ROWS

    # Back to the end, page by page, without a hole.
    while later.is_visible():
        last = rows(ana).last.get_attribute("data-seq") or ""
        later.click()
        expect(rows(ana).last).not_to_have_attribute("data-seq", last)
        assert rows(ana).count() <= MOST_ROWS
    seqs = [int(each.get_attribute("data-seq") or 0) for each in rows(ana).all()]
    texts = rows(ana).locator(".text").all_inner_texts()
    assert texts == [f"{mark} {number}" for number in range(600 - len(texts), 600)]
    assert seqs == sorted(seqs)
    newest.click()
    expect(rows(ana).get_by_text(f"{mark} 599", exact=True)).to_be_in_viewport()
    expect(newest).to_be_hidden()

    # And far up, which is bounded as well.
    earlier = ana.get_by_role("button", name="Earlier messages")
    while rows(ana).get_by_text(f"{mark} 0", exact=True).count() == 0:
        first = rows(ana).first.get_attribute("data-seq") or ""
        earlier.click()
        expect(rows(ana).first).not_to_have_attribute("data-seq", first)
        assert rows(ana).count() <= MOST_ROWS
    write(ana, f"{mark} 600")
    expect(rows(ana).get_by_text(f"{mark} 600", exact=True)).to_be_in_viewport()
    assert rows(ana).count() <= MOST_ROWS
