"""Rooms in a real browser: looking before joining, drafts, history, outages."""

from time import monotonic

import pytest
from playwright.sync_api import expect

from tests.web.conftest import Server, unique
from tests.web.test_browser import (
    OpenPage,
    expect_messages,
    message,
    message_box,
    open_room,
    post_many,
    register,
    send,
    username,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]


def test_a_public_room_is_looked_at_before_it_is_joined(open_page: OpenPage, room: str) -> None:
    alice = open_room(register(open_page(), "alice"), room)
    send(alice, "Come in")
    bob = register(open_page(), "bob")

    bob.get_by_role("link", name=f"#{room}").click()
    expect_messages(bob, "Come in")
    send(alice, "or look on")
    expect_messages(bob, "Come in", "or look on")
    expect(message_box(bob)).to_have_count(0)
    expect(alice.get_by_role("button", name="1 online")).to_be_visible()
    expect(alice.get_by_text(f"{username(bob)} joined")).to_have_count(0)

    bob.get_by_role("button", name="Join room").click()
    expect(message_box(bob)).to_be_focused()
    send(bob, "Thanks")
    expect_messages(alice, "Come in", "or look on", "Thanks")
    expect_messages(bob, "Come in", "or look on", "Thanks")


def test_the_address_of_a_public_room_joins_nobody(open_page: OpenPage, room: str) -> None:
    alice = register(open_page(f"/#{room}"), "alice")

    expect(alice.get_by_role("button", name="Join room")).to_be_visible()
    alice.reload()
    expect(alice.get_by_role("button", name="Join room")).to_be_visible()


def test_each_room_has_its_own_draft_over_a_reload(
    open_page: OpenPage, server: Server, room: str
) -> None:
    other = unique("other")
    server.create_room(other)
    alice = open_room(register(open_page(), "alice"), room)
    message_box(alice).fill("half a thou")
    open_room(alice, other)
    expect(message_box(alice)).to_have_value("")
    message_box(alice).fill("another\none")

    open_room(alice, room)
    expect(message_box(alice)).to_have_value("half a thou")
    alice.reload()
    expect(message_box(alice)).to_have_value("half a thou")
    open_room(alice, other)
    expect(message_box(alice)).to_have_value("another\none")
    message_box(alice).press("Enter")
    expect_messages(alice, "another\none")
    alice.reload()

    expect_messages(alice, "another\none")
    expect(message_box(alice)).to_have_value("")


def test_scrolling_up_is_all_it_takes_to_read_back(open_page: OpenPage, room: str) -> None:
    alice = open_room(register(open_page(), "alice"), room)
    post_many(alice, room, [f"number {number}" for number in range(400)])
    alice.reload()
    expect(message(alice, "number 399")).to_be_visible()

    alice.get_by_role("log").hover()
    first = message(alice, "number 0")
    for _ in range(400):
        if first.count() and first.is_visible():
            break
        alice.mouse.wheel(0, -1_000)

    expect(first).to_be_visible()


def test_being_offline_is_shown_and_ends(open_page: OpenPage, server: Server, room: str) -> None:
    server.expected.append("ERR_INTERNET_DISCONNECTED")
    alice = open_room(register(open_page(), "alice"), room)

    alice.context.set_offline(True)
    expect(alice.get_by_text("You are offline.")).to_be_visible()
    send(alice, "written in a tunnel")
    expect(alice.get_by_text("Sending…")).to_be_visible()
    alice.context.set_offline(False)

    expect_messages(alice, "written in a tunnel")
    expect(alice.get_by_text("You are offline.")).to_have_count(0)


def test_the_page_is_back_within_two_seconds_of_the_server(
    open_page: OpenPage, server: Server, room: str
) -> None:
    alice = open_room(register(open_page(), "alice"), room)
    server.kill()
    expect(alice.get_by_text("Reconnecting…")).to_be_visible()
    # Enough attempts for any back-off to have grown.
    for _ in range(8):
        alice.wait_for_event("requestfailed")

    server.start()
    up = monotonic()
    expect(alice.get_by_text("Connected", exact=True)).to_be_visible()

    # 1.5 s at most by its timers; the rest is for a busy machine.
    assert monotonic() - up < 3
