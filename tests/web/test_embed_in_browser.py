"""`<parley-chat>` on a page of another origin, under a strict policy: the example, as it is."""

import json
import threading
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.docs.pages import blocks
from tests.web.conftest import OUTAGE, Server, unique

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]

EXAMPLE = Path(__file__).parents[2] / "examples" / "embed"
SERVER = "https://chat.example.org"
POLICY = blocks("docs/embed.md")[2].text.strip()
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
PASSWORD = "correct horse battery"


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
        body = json.dumps({"text": text}).encode()
        self._call("POST", "/rooms/general/messages", body, headers)
        if leaves:
            self._call("DELETE", where, b"", headers)

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
    expected = (*OUTAGE, "404 (Not Found)", "503 (Service Unavailable)")
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
