"""What can be done with a message in a real browser: by mouse and keyboard."""

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.web.conftest import Server, unique
from tests.web.test_browser import (
    OpenPage,
    expect_messages,
    message_box,
    open_room,
    post_many,
    register,
    send,
    username,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]


def row(page: Page, text: str) -> Locator:
    return page.get_by_role("log").locator("li.message").filter(has_text=text)


def tool(page: Page, text: str, name: str) -> Locator:
    """A button of the toolbar of the message with this text."""
    row(page, text).hover()
    return row(page, text).get_by_role("toolbar").get_by_role("button", name=name)


def menu_item(page: Page, text: str, name: str) -> Locator:
    tool(page, text, "More actions").click()
    return page.get_by_role("menuitem", name=name)


def test_a_message_is_edited_and_deleted(open_page: OpenPage, room: str) -> None:
    alice = open_room(register(open_page(), "alice"), room)
    bob = open_room(register(open_page(), "bob"), room)
    send(alice, "Helo")
    message_box(alice).fill("a draft")

    tool(alice, "Helo", "Edit").click()
    expect(message_box(alice)).to_have_value("Helo")
    message_box(alice).fill("Hello")
    message_box(alice).press("Enter")
    expect_messages(bob, "Hello")
    expect(row(bob, "Hello").get_by_text("(edited)")).to_be_visible()
    expect(message_box(alice)).to_have_value("a draft")
    row(bob, "Hello").hover()
    expect(bob.get_by_role("button", name="Edit")).to_have_count(0)

    menu_item(alice, "Hello", "Delete").click()
    alice.get_by_role("dialog").get_by_role("button", name="Delete").click()
    for page in (alice, bob):
        expect_messages(page, "This message was deleted.")


def test_a_reply_shows_and_leads_to_what_it_answers(open_page: OpenPage, room: str) -> None:
    alice = open_room(register(open_page(), "alice"), room)
    send(alice, "Where shall we meet?")
    expect_messages(alice, "Where shall we meet?")
    post_many(alice, room, [f"number {number}" for number in range(120)])

    bob = open_room(register(open_page(), "bob"), room)
    tool(bob, "number 119", "Reply").click()
    expect(bob.get_by_text(f"Replying to {username(alice)}: number 119")).to_be_visible()
    message_box(bob).press("Escape")
    expect(bob.get_by_text("Replying to")).to_have_count(0)
    tool(bob, "number 119", "Reply").click()
    send(bob, "Enough!")

    quote = row(alice, "Enough!").get_by_role("link", name="number 119")
    expect(quote).to_be_visible()
    quote.click()
    expect(row(alice, "number 119").first).to_be_focused()


def test_reactions_are_added_and_taken_back(open_page: OpenPage, room: str) -> None:
    alice = open_room(register(open_page(), "alice"), room)
    bob = open_room(register(open_page(), "bob"), room)
    send(alice, "Lunch?")

    tool(bob, "Lunch?", "React").click()
    bob.get_by_role("searchbox", name="Search emoji").fill("pizza")
    bob.get_by_role("dialog", name="Emoji").get_by_role("button", name="pizza").click()
    chip = row(alice, "Lunch?").get_by_role("button", name="🍕 1")
    expect(chip).to_have_attribute("aria-pressed", "false")
    chip.click()
    both = row(bob, "Lunch?").get_by_role("button", name="🍕 2")
    expect(both).to_have_attribute("aria-pressed", "true")
    both.click()

    expect(row(alice, "Lunch?").get_by_role("button", name="🍕 1")).to_have_attribute(
        "aria-pressed", "true"
    )


def test_a_message_is_pinned_and_its_link_copied(open_page: OpenPage, room: str) -> None:
    alice = open_room(
        register(open_page(permissions=["clipboard-read", "clipboard-write"]), "alice"), room
    )
    send(alice, "Wi-Fi: guest")
    post_many(alice, room, [f"number {number}" for number in range(300)])

    row(alice, "number 299").wait_for()
    alice.reload()
    bob = open_room(register(open_page(), "bob"), room)
    send(bob, "Where is the Wi-Fi?")
    menu_item(alice, "Where is", "Pin").click()
    expect(row(bob, "Where is").get_by_text("(pinned)")).to_be_visible()
    menu_item(alice, "Where is", "Copy link").click()
    expect(alice.get_by_role("alert").get_by_text("Link copied.")).to_be_visible()
    link = alice.evaluate("navigator.clipboard.readText()")

    # A message far back is shown with what surrounds it.
    first = int(link.rsplit("/", 1)[1]) - 303
    bob.goto(link.rsplit("/", 1)[0] + f"/{first}")
    expect(row(bob, "Wi-Fi: guest")).to_be_visible()
    expect(row(bob, "number 299")).to_have_count(0)
    bob.get_by_role("button", name="Jump to latest").click()
    expect(row(bob, "Where is the Wi-Fi?")).to_be_visible()


def test_messages_are_worked_on_by_keyboard_alone(open_page: OpenPage, room: str) -> None:
    alice = open_room(register(open_page(), "alice"), room)
    send(alice, "one")
    send(alice, "two")
    expect_messages(alice, "one", "two")

    message_box(alice).press("ArrowUp")
    expect(message_box(alice)).to_have_value("two")
    message_box(alice).press("Escape")
    alice.get_by_role("log").focus()
    alice.keyboard.press("ArrowUp")
    expect(row(alice, "two")).to_be_focused()
    alice.keyboard.press("ArrowUp")
    expect(row(alice, "one")).to_be_focused()
    alice.keyboard.press("r")
    expect(message_box(alice)).to_be_focused()
    send(alice, "to one")
    expect(row(alice, "to one").get_by_role("link", name="one")).to_be_visible()


def test_markdown_is_shown_and_mentions_stand_out(open_page: OpenPage, room: str) -> None:
    alice = open_room(register(open_page(), "alice"), room)
    bob = open_room(register(open_page(), "bob"), room)

    send(bob, f"@{username(alice)} **bold** and `code` and *more*")

    text = row(alice, "bold").locator(".text")
    expect(text.locator("strong")).to_have_text("bold")
    expect(text.locator("code")).to_have_text("code")
    expect(text.locator("em")).to_have_text("more")
    expect(text.locator(".mention")).to_have_text(f"@{username(alice)}")


def test_names_and_emoji_are_completed(open_page: OpenPage, room: str) -> None:
    alice = open_room(register(open_page(), "alice"), room)
    bob = open_room(register(open_page(), "bob"), room)

    message_box(bob).press_sequentially("hello @ali")
    expect(bob.get_by_role("option", name=username(alice))).to_be_visible()
    bob.keyboard.press("Enter")
    expect(message_box(bob)).to_have_value(f"hello @{username(alice)} ")
    message_box(bob).press_sequentially(":pizza")
    expect(bob.get_by_role("option", name="pizza")).to_be_visible()
    bob.keyboard.press("Tab")
    bob.keyboard.press("Enter")

    expect_messages(alice, f"hello @{username(alice)} 🍕")


def test_what_is_new_has_a_line_above_it(open_page: OpenPage, room: str) -> None:
    alice = open_room(register(open_page(), "alice"), room)
    bob = open_room(register(open_page(), "bob"), room)
    send(bob, "seen")
    expect_messages(alice, "seen")
    alice.goto(alice.url.split("#")[0] + f"#{unique('elsewhere')}")
    expect(alice.get_by_text("There is no such room")).to_be_visible()

    send(bob, "not seen")
    expect(alice.get_by_role("link", name=f"#{room}").get_by_label("1 unread")).to_be_visible()
    alice.get_by_role("link", name=f"#{room}").click()

    expect_messages(alice, "seen", "not seen")
    rows = alice.locator("#messages > li:not(.event, .day)")
    expect(rows).to_have_count(3)
    expect(rows.nth(1)).to_have_text("New")
    expect(alice.get_by_label("1 unread")).to_have_count(0)


def test_messages_marked_as_unread_stay_so_until_the_room_is_left(
    open_page: OpenPage, server: Server, room: str
) -> None:
    other = unique("other")
    server.create_room(other)
    alice = open_room(register(open_page(), "alice"), room)
    tab = alice.context.new_page()
    tab.goto(alice.url)
    bob = open_room(register(open_page(), "bob"), room)
    send(bob, "one")
    send(bob, "two")
    for page in (alice, tab):
        expect_messages(page, "one", "two")

    menu_item(alice, "two", "Mark as unread").click()
    for page in (alice, tab):
        link = page.get_by_role("link", name=f"#{room}")
        expect(link.get_by_label("1 unread")).to_be_visible()
        expect(page.locator("#messages > .new-line + .message .text")).to_have_text("two")
    send(bob, "three")
    expect(alice.get_by_role("link", name=f"#{room}").get_by_label("2 unread")).to_be_visible()

    open_room(alice, other)
    expect(alice.get_by_role("link", name=f"#{room}").get_by_label("2 unread")).to_be_visible()
    open_room(alice, room)
    expect(alice.locator("#messages > .new-line + .message .text")).to_have_text("two")
    for page in (alice, tab):
        expect(page.get_by_label("unread")).to_have_count(0)
