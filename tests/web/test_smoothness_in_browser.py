"""What a reader feels: nothing moves when messages arrive, and a finger works."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.web.test_browser import (
    PHONE,
    OpenPage,
    expect_messages,
    message,
    open_room,
    post_many,
    register,
    send,
)
from tests.web.test_messages_in_browser import row, tool

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(170)]

OBSERVE_SHIFTS = """() => {
    window.shifts = [];
    new PerformanceObserver((list) => {
        for (const { value, sources } of list.getEntries()) {
            window.shifts.push([value, sources.map(({ node }) => node?.outerHTML?.slice(0, 80))]);
        }
    }).observe({ type: "layout-shift" });
}"""

# A shift is reported after the frame that made it.
TWO_FRAMES = """() => new Promise((resolve) => {
    requestAnimationFrame(() => requestAnimationFrame(resolve));
})"""


def shifts(page: Page) -> list[Any]:
    page.evaluate(TWO_FRAMES)
    return list(page.evaluate("window.shifts"))


@pytest.mark.parametrize("options", [{}, PHONE], ids=["desktop", "phone"])
def test_nothing_moves_when_messages_arrive(
    open_page: OpenPage, room: str, options: dict[str, Any]
) -> None:
    alice = open_room(register(open_page(**options), "alice"), room)
    bob = open_room(register(open_page(), "bob"), room)
    post_many(bob, room, [f"number {number}" for number in range(60)])
    expect(message(alice, "number 59")).to_be_visible()
    alice.evaluate(OBSERVE_SHIFTS)

    # For a reader at the end...
    for number in range(5):
        send(bob, f"one more, {number}")
        expect(message(alice, f"one more, {number}")).to_be_visible()
    tool(bob, "one more, 4", "React").click()
    bob.get_by_role("dialog", name="Emoji").get_by_role("button").nth(20).click()
    expect(row(alice, "one more, 4").get_by_role("group", name="Reactions")).to_be_visible()
    assert shifts(alice) == []

    # ...and for one who reads further up.
    alice.get_by_role("log").evaluate("log => { log.scrollTop = 400; }")
    alice.evaluate(TWO_FRAMES)
    for number in range(5):
        send(bob, f"unseen, {number}")
    expect(alice.get_by_role("button", name="New messages below")).to_be_visible()
    expect(message(alice, "unseen, 4")).to_have_count(1)
    assert shifts(alice) == []


def test_who_scrolls_up_is_not_taken_back_to_the_end(open_page: OpenPage, room: str) -> None:
    alice = open_room(register(open_page(), "alice"), room)
    post_many(alice, room, [f"number {number}" for number in range(60)])
    expect(message(alice, "number 59")).to_be_visible()

    # A browser reports scrolling with its next frame. Before, the page draws itself again.
    tops = alice.get_by_role("log").evaluate(
        """async (log) => {
            const tops = [];
            for (let round = 0; round < 10; round += 1) {
                log.scrollTop = log.scrollHeight;
                await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
                log.scrollTop = 600;
                dispatchEvent(new Event("online"));
                await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
                tops.push(log.scrollTop);
            }
            return tops;
        }"""
    )

    assert tops == [600] * 10


def test_a_long_press_opens_the_menu_of_a_message(open_page: OpenPage, room: str) -> None:
    alice = open_room(register(open_page(**PHONE, has_touch=True, is_mobile=True), "alice"), room)
    send(alice, "press me")
    expect_messages(alice, "press me")
    place = message(alice, "press me").bounding_box()
    assert place is not None
    points = [{"x": place["x"] + 20, "y": place["y"] + place["height"] / 2}]
    finger = alice.context.new_cdp_session(alice)

    finger.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": points})
    expect(alice.locator("li.pressed")).to_have_count(1)
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    menu = alice.get_by_role("menu")
    expect(menu.get_by_role("menuitem", name="Reply")).to_be_visible()
    box = menu.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= PHONE["viewport"]["width"]
    menu.get_by_role("menuitem", name="Reply").tap()
    expect(alice.get_by_text("Replying to")).to_be_visible()
