"""Network faults between page and server: no message is lost or duplicated."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.web.test_browser import OpenPage, expect_messages, open_room, post_many, register, send

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]

Frame = dict[str, Any]


class NetworkProxy:
    """The network between one page and the server; passes frames unless a test says otherwise."""

    def __init__(self, page: Page) -> None:
        # Whether a frame from the server is delivered to the page.
        self.delivers: Callable[[Frame], bool] = lambda frame: True
        self.sent: list[Frame] = []
        self.connections: list[WebSocketRoute] = []
        page.route_web_socket("**/ws", self._connect)

    def cut(self, code: int, reason: str) -> None:
        self.connections[-1].close(code=code, reason=reason)

    def push(self, frame: Frame) -> None:
        self.connections[-1].send(json.dumps(frame))

    def requests(self, kind: str) -> list[Frame]:
        return [frame for frame in self.sent if frame["type"] == kind]

    def _connect(self, page_side: WebSocketRoute) -> None:
        server_side = page_side.connect_to_server()
        self.connections.append(page_side)

        def up(text: str | bytes) -> None:
            self.sent.append(json.loads(text))
            server_side.send(text)

        def down(text: str | bytes) -> None:
            if self.delivers(json.loads(text)):
                page_side.send(text)

        page_side.on_message(up)
        server_side.on_message(down)


@pytest.fixture
def proxied_page(open_page: OpenPage, room: str) -> Callable[[str], tuple[Page, NetworkProxy]]:
    """Register a user in the room, with a proxy between their page and the server."""

    def proxied_page(name: str) -> tuple[Page, NetworkProxy]:
        page = open_page()
        proxy = NetworkProxy(page)
        # The route applies from the next load on.
        page.reload()
        return open_room(register(page, name), room), proxy

    return proxied_page


ProxiedPage = Callable[[str], tuple[Page, NetworkProxy]]


def test_a_lost_ack_duplicates_nothing(
    proxied_page: ProxiedPage, open_page: OpenPage, room: str
) -> None:
    alice, proxy = proxied_page("alice")
    bob = open_room(register(open_page(), "bob"), room)
    proxy.delivers = lambda frame: frame["type"] not in {"ack", "message.created"}
    send(alice, "once")
    expect_messages(bob, "once")
    expect(alice.get_by_text("Sending…")).to_be_visible()

    proxy.delivers = lambda frame: True
    proxy.cut(4100, "internal")

    expect_messages(alice, "once")
    expect_messages(bob, "once")
    first, again = proxy.requests("send")
    assert first == again


def test_a_lost_event_is_requested_again(
    proxied_page: ProxiedPage, open_page: OpenPage, room: str
) -> None:
    alice, proxy = proxied_page("alice")
    bob = open_room(register(open_page(), "bob"), room)
    proxy.delivers = lambda frame: frame.get("text") != "one"
    send(bob, "one")
    expect_messages(bob, "one")

    proxy.delivers = lambda frame: True
    send(bob, "two")

    expect_messages(alice, "one", "two")
    *_, again = proxy.requests("join")
    assert again["since"] > 0


def test_an_expired_token_is_renewed_before_reconnecting(proxied_page: ProxiedPage) -> None:
    alice, proxy = proxied_page("alice")
    token = "JSON.parse(localStorage.getItem('parley.session')).refresh"
    before = alice.evaluate(token)

    proxy.cut(4301, "token_expired")
    send(alice, "back again")

    expect_messages(alice, "back again")
    assert len(proxy.connections) == 2
    assert alice.evaluate(token) != before


def test_an_expiring_token_is_renewed_on_the_same_connection(proxied_page: ProxiedPage) -> None:
    alice, proxy = proxied_page("alice")

    with alice.expect_response("**/token"):
        proxy.push({"type": "auth_expiring", "expires_in": 60})
    send(alice, "still the same socket")

    expect_messages(alice, "still the same socket")
    assert len(proxy.requests("auth")) == 1
    assert len(proxy.connections) == 1


def test_a_final_close_code_waits_for_the_user(proxied_page: ProxiedPage) -> None:
    alice, proxy = proxied_page("alice")

    proxy.cut(4009, "too_many_connections")
    expect(alice.get_by_text("Not connected: too_many_connections")).to_be_visible()
    alice.get_by_role("button", name="Reconnect").click()

    expect(alice.get_by_text("Connected", exact=True)).to_be_visible()
    assert len(proxy.connections) == 2


def test_a_revoked_session_shows_the_login(proxied_page: ProxiedPage) -> None:
    alice, proxy = proxied_page("alice")

    proxy.cut(4001, "unauthorized")

    expect(alice.get_by_text("You have been logged out.")).to_be_visible()
    expect(alice.get_by_role("button", name="Log in")).to_be_visible()
    assert alice.evaluate("localStorage.length") == 0


def test_a_long_gap_starts_with_the_newest_messages(
    proxied_page: ProxiedPage, open_page: OpenPage, room: str
) -> None:
    alice, proxy = proxied_page("alice")
    bob = open_room(register(open_page(), "bob"), room)
    send(bob, "long ago")
    expect_messages(alice, "long ago")
    proxy.cut(4009, "too_many_connections")

    post_many(bob, room, [f"number {number}" for number in range(210)])
    alice.get_by_role("button", name="Reconnect").click()

    expect_messages(alice, *[f"number {number}" for number in range(160, 210)])
    alice.get_by_role("log").evaluate("log => { log.scrollTop = 0; }")
    expect_messages(alice, *[f"number {number}" for number in range(110, 210)])
