"""The states of the web client that people look at, by name: for screenshots and for axe."""

from collections.abc import Callable
from typing import Any, NamedTuple

from playwright.sync_api import Page, expect

from tests.web.community import PASSWORD, Community
from tests.web.test_messages_in_browser import row, tool

DESKTOP = {"width": 1200, "height": 750}
PHONE = {"width": 390, "height": 780}


class State(NamedTuple):
    """How a page gets into a state, and the window it is looked at in."""

    show: Callable[[Page, Community], object]
    options: dict[str, Any]


def log_in(page: Page) -> None:
    """Log in as the user through whose eyes the states are seen."""
    page.get_by_role("textbox", name="Username").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("Connected", exact=True)).to_be_visible()


def room(page: Page, community: Community) -> None:
    log_in(page)
    page.get_by_role("link", name="#design").click()
    expect(row(page, "rooms instead of channels")).to_be_visible()
    expect(page.get_by_role("button", name="3 online")).to_be_visible()
    # Over nothing that changes under the pointer.
    page.mouse.move(0, 0)
    community.type()
    expect(page.get_by_text("is typing…")).to_be_visible()


def search(page: Page, community: Community) -> None:
    room(page, community)
    page.get_by_role("button", name="Search", exact=True).click()
    page.get_by_role("searchbox", name="Search messages").fill("empty state")
    expect(page.locator(".hit")).to_have_count(2)


def conversation(page: Page, community: Community) -> None:
    room(page, community)
    tool(page, "Works on both", "Reply").click()
    page.get_by_role("textbox", name="Message").fill("It ships with the next build")
    row(page, "Works on both").hover()


def emoji(page: Page, community: Community) -> None:
    room(page, community)
    tool(page, "Two things left", "React").click()
    expect(page.get_by_role("dialog", name="Emoji").get_by_text("Smileys")).to_be_visible()


def members(page: Page, community: Community) -> None:
    room(page, community)
    page.get_by_role("button", name="3 online").click()
    person = page.get_by_role("complementary", name="Members").get_by_role("button", name="Dev")
    person.click()
    expect(
        page.get_by_role("dialog").get_by_role("button", name="Mute", exact=True)
    ).to_be_visible()


def settings(page: Page, _community: Community) -> None:
    log_in(page)
    page.get_by_role("button", name="Settings").click()
    expect(page.get_by_role("dialog").get_by_text("Where you are logged in")).to_be_visible()


def empty(page: Page, community: Community) -> None:
    log_in(page)
    name = community.new_room()
    page.goto(page.url.split("#")[0] + f"#{name}")
    expect(page.get_by_role("heading", name=f"#{name}")).to_be_visible()
    expect(page.locator("#beginning")).to_be_visible()


def offline(page: Page, community: Community) -> None:
    room(page, community)
    page.context.set_offline(True)
    expect(page.get_by_text("You are offline.")).to_be_visible()
    page.get_by_role("textbox", name="Message").fill("I am in the tunnel, back in five minutes")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Sending…")).to_be_visible()


STATES = {
    "log-in": State(lambda page, _: page.get_by_label("Password").focus(), {}),
    "room": State(room, {}),
    "dark": State(room, {"color_scheme": "dark"}),
    "phone": State(room, {"viewport": PHONE, "has_touch": True, "is_mobile": True}),
    "search": State(search, {}),
    "conversation": State(conversation, {}),
    "emoji": State(emoji, {}),
    "members": State(members, {}),
    "settings": State(settings, {}),
    "empty": State(empty, {}),
    "offline": State(offline, {}),
}
