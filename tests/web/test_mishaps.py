"""What the page does when the network loses, cuts or delays: nothing is lost, nothing doubled."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.web.test_browser import Visit, enter, expect_said, post_many, register, say

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

Frame = dict[str, Any]


class Wire:
    """The network between one page and the server; frames pass unless a test says otherwise."""

    def __init__(self, page: Page) -> None:
        # Decides of each frame from the server whether it arrives.
        self.arrives: Callable[[Frame], bool] = lambda frame: True
        self.sent: list[Frame] = []
        self.connections: list[WebSocketRoute] = []
        page.route_web_socket("**/ws", self._connect)

    def cut(self, code: int, reason: str) -> None:
        self.connections[-1].close(code=code, reason=reason)

    def tell(self, frame: Frame) -> None:
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
            if self.arrives(json.loads(text)):
                page_side.send(text)

        page_side.on_message(up)
        server_side.on_message(down)


@pytest.fixture
def wired(visit: Visit, room: str) -> Callable[[str], tuple[Page, Wire]]:
    """Register somebody whose wire we hold; they are in the room."""

    def wired(name: str) -> tuple[Page, Wire]:
        page = visit()
        wire = Wire(page)
        # Routes hold from the next load on.
        page.reload()
        return enter(register(page, name), room), wire

    return wired


Wired = Callable[[str], tuple[Page, Wire]]


def test_a_lost_answer_doubles_nothing(wired: Wired, visit: Visit, room: str) -> None:
    alice, wire = wired("alice")
    bob = enter(register(visit(), "bob"), room)
    wire.arrives = lambda frame: frame["type"] not in {"ack", "message.created"}
    say(alice, "once")
    expect_said(bob, "once")
    expect(alice.get_by_text("Sending…")).to_be_visible()

    wire.arrives = lambda frame: True
    wire.cut(4100, "internal")

    expect_said(alice, "once")
    expect_said(bob, "once")
    first, again = wire.requests("send")
    assert first == again


def test_a_lost_event_is_asked_for_again(wired: Wired, visit: Visit, room: str) -> None:
    alice, wire = wired("alice")
    bob = enter(register(visit(), "bob"), room)
    wire.arrives = lambda frame: frame.get("text") != "one"
    say(bob, "one")
    expect_said(bob, "one")

    wire.arrives = lambda frame: True
    say(bob, "two")

    expect_said(alice, "one", "two")
    *_, again = wire.requests("join")
    assert again["since"] > 0


def test_an_expired_token_is_exchanged_before_coming_back(wired: Wired) -> None:
    alice, wire = wired("alice")
    token = "JSON.parse(localStorage.getItem('parley.session')).refresh"
    before = alice.evaluate(token)

    wire.cut(4301, "token_expired")
    say(alice, "back again")

    expect_said(alice, "back again")
    assert len(wire.connections) == 2
    assert alice.evaluate(token) != before


def test_a_token_about_to_end_is_exchanged_without_a_pause(wired: Wired) -> None:
    alice, wire = wired("alice")

    with alice.expect_response("**/token"):
        wire.tell({"type": "auth_expiring", "expires_in": 60})
    say(alice, "still the same socket")

    expect_said(alice, "still the same socket")
    assert len(wire.requests("auth")) == 1
    assert len(wire.connections) == 1


def test_a_close_that_says_stop_waits_for_somebody(wired: Wired) -> None:
    alice, wire = wired("alice")

    wire.cut(4009, "too_many_connections")
    expect(alice.get_by_text("Not connected: too_many_connections")).to_be_visible()
    alice.get_by_role("button", name="Try now").click()

    expect(alice.get_by_text("Connected", exact=True)).to_be_visible()
    assert len(wire.connections) == 2


def test_a_revoked_log_in_leads_to_the_door(wired: Wired) -> None:
    alice, wire = wired("alice")

    wire.cut(4001, "unauthorized")

    expect(alice.get_by_text("You have been logged out.")).to_be_visible()
    expect(alice.get_by_role("button", name="Log in")).to_be_visible()
    assert alice.evaluate("localStorage.length") == 0


def test_who_missed_very_much_starts_with_the_newest(
    wired: Wired, visit: Visit, room: str
) -> None:
    alice, wire = wired("alice")
    bob = enter(register(visit(), "bob"), room)
    say(bob, "long ago")
    expect_said(alice, "long ago")
    wire.cut(4009, "too_many_connections")

    post_many(bob, room, [f"number {number}" for number in range(210)])
    alice.get_by_role("button", name="Try now").click()

    expect_said(alice, *[f"number {number}" for number in range(160, 210)])
    alice.get_by_role("log").evaluate("log => { log.scrollTop = 0; }")
    expect_said(alice, *[f"number {number}" for number in range(110, 210)])
