"""What two people do with each other in a room, feature by feature, and what both then see."""

import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.web.talk import Talk, close_pane, members, room_menu
from tests.web.test_browser import message_box, open_room, send, username
from tests.web.test_messages_in_browser import menu_item, row, tool
from tests.web.test_panes_in_browser import own_room, rename


def replies(talk: Talk, number: int) -> None:
    talk.say(talk.alice, f"Who is next, {number}?")
    tool(talk.bob, f"next, {number}?", "Reply").click()
    talk.say(talk.bob, f"I am, {number}.")[3] = f"Who is next, {number}?"


def edits(talk: Talk, number: int) -> None:
    line = talk.say(talk.bob, f"Helo {number}")
    message_box(talk.bob).press("ArrowUp")
    expect(message_box(talk.bob)).to_have_value(f"Helo {number}")
    message_box(talk.bob).fill(f"Hello {number}")
    message_box(talk.bob).press("Enter")
    line[:2] = f"Hello {number}", "(edited)"
    for page in talk.both:
        expect(row(page, f"Hello {number}").get_by_text("(edited)")).to_be_visible()


def reacts(talk: Talk, number: int) -> None:
    line = talk.say(talk.alice, f"Lunch {number}?")
    tool(talk.bob, f"Lunch {number}?", "React").click()
    picker = talk.bob.get_by_role("dialog", name="Emoji")
    picker.get_by_role("searchbox", name="Search emoji").fill("pizza")
    picker.get_by_role("button", name="pizza").click()
    row(talk.alice, f"Lunch {number}?").get_by_role("button", name="🍕 1").click()
    line[2] = "🍕 2"
    for page in talk.both:
        expect(row(page, f"Lunch {number}?").get_by_role("button", name="🍕 2")).to_be_visible()


def pins(talk: Talk, number: int) -> None:
    line = talk.say(talk.bob, f"Wi-Fi {number}: guest")
    menu_item(talk.alice, f"Wi-Fi {number}", "Pin").click()
    line[1] = "(pinned)"
    for page in talk.both:
        expect(row(page, f"Wi-Fi {number}").get_by_text("(pinned)")).to_be_visible()


def deletes(talk: Talk, number: int) -> None:
    line = talk.say(talk.bob, f"Oops {number}")
    gone = talk.alice.get_by_text("This message was deleted.")
    before = gone.count()
    menu_item(talk.bob, f"Oops {number}", "Delete").click()
    talk.bob.get_by_role("dialog").get_by_role("button", name="Delete").click()
    line[0] = "This message was deleted."
    for page in talk.both:
        expect(page.get_by_text("This message was deleted.")).to_have_count(before + 1)


def completes_a_mention(talk: Talk, number: int) -> None:
    message_box(talk.bob).press_sequentially("@ali")
    talk.bob.get_by_role("option", name=username(talk.alice)).click()
    message_box(talk.bob).press_sequentially(f"number {number}")
    text = f"@{username(talk.alice)} number {number}"
    message_box(talk.bob).press("Enter")
    talk.expected.append([text, "", "", ""])
    expect(row(talk.alice, text).locator(".mention.of-me")).to_be_visible()
    expect(row(talk.bob, text)).to_be_visible()


def searches(talk: Talk, number: int) -> None:
    talk.say(talk.alice, f"The cellar key {number}")
    talk.bob.get_by_role("button", name="Search", exact=True).click()
    pane = talk.bob.get_by_role("complementary", name="Search")
    pane.get_by_role("searchbox", name="Search messages").fill(f"cellar {number}")
    pane.get_by_role("link", name=f"key {number}").click()
    expect(row(talk.bob, f"cellar key {number}")).to_be_focused()
    close_pane(talk.bob)


def sets_a_topic(talk: Talk, number: int) -> None:
    room_menu(talk.alice, "Room settings")
    settings = talk.alice.get_by_role("dialog")
    settings.get_by_label("Topic").fill(f"Topic {number}")
    settings.get_by_role("button", name="Save", exact=True).click()
    for page in talk.both:
        expect(page.locator("#room-title")).to_have_text(f"Topic {number}")


def gives_a_role_and_mutes(talk: Talk, number: int) -> None:
    person = members(talk.alice).get_by_role("button", name=username(talk.bob))
    role = "moderator" if number % 2 else "owner"
    for name in ("Mute", "Unmute"):
        person.click()
        dialog = talk.alice.get_by_role("dialog")
        dialog.get_by_role("button", name=name, exact=True).click()
        expect(person.get_by_text("muted")).to_have_count(int(name == "Mute"))
    person.click()
    talk.alice.get_by_role("dialog").get_by_label("Role").select_option(role)
    expect(person.get_by_text(role)).to_be_visible()
    close_pane(talk.alice)


def writes_directly(talk: Talk, number: int) -> None:
    talk.bob.keyboard.press("Control+k")
    talk.bob.get_by_role("combobox").fill(username(talk.alice))
    talk.bob.get_by_role("option", name=username(talk.alice)).first.click()
    expect(talk.bob.get_by_role("heading", name=username(talk.alice))).to_be_visible()
    send(talk.bob, f"between us, {number}")
    expect(row(talk.bob, f"between us, {number}")).to_be_visible()
    expect(talk.alice.get_by_role("link", name="bob").get_by_label("unread")).to_be_visible()
    talk.alice.get_by_role("link", name="bob").click()
    expect(row(talk.alice, f"between us, {number}")).to_be_visible()
    for page in talk.both:
        open_room(page, talk.room)


def invites(talk: Talk, number: int) -> None:
    name = own_room(talk.alice)
    room_menu(talk.alice, "Room settings")
    settings = talk.alice.get_by_role("dialog")
    settings.get_by_role("button", name="Create link").click()
    link = settings.get_by_label("Link")
    expect(link).to_have_value(re.compile("#invite/"))
    address = link.input_value()
    settings.get_by_role("button", name="Close").first.click()
    talk.bob.goto(address)
    expect(talk.bob.get_by_role("heading", name=f"#{name}")).to_be_visible()
    send(talk.bob, f"Here I am, {number}")
    expect(row(talk.alice, f"Here I am, {number}")).to_be_visible()
    for page in talk.both:
        open_room(page, talk.room)


def adds_people(talk: Talk, number: int) -> None:
    name = own_room(talk.alice)
    pane = members(talk.alice)
    pane.get_by_label("User to add").fill(username(talk.bob))
    pane.get_by_role("button", name="Add", exact=True).click()
    close_pane(talk.alice)
    send(talk.alice, f"Come in, {number}")
    link = talk.bob.get_by_role("link", name=f"#{name}")
    expect(link.get_by_label("1 unread")).to_be_visible()
    link.click()
    expect(row(talk.bob, f"Come in, {number}")).to_be_visible()
    for page in talk.both:
        open_room(page, talk.room)


def marks_as_unread(talk: Talk, number: int) -> None:
    talk.say(talk.bob, f"For later, {number}")
    menu_item(talk.alice, f"For later, {number}", "Mark as unread").click()
    link = talk.alice.get_by_role("link", name=f"#{talk.room}")
    expect(link.get_by_label("1 unread")).to_be_visible()
    open_room(talk.alice, "general")
    expect(link.get_by_label("1 unread")).to_be_visible()
    open_room(talk.alice, talk.room)
    expect(talk.alice.locator("#messages > .new-line + .message")).to_contain_text("For later")
    expect(link.get_by_label("unread")).to_have_count(0)


def chooses_notifications(talk: Talk, _number: int) -> None:
    for level in ("nothing", "mentions"):
        talk.bob.get_by_role("button", name="Room menu").click()
        with talk.bob.expect_response("**/notifications"):
            talk.bob.get_by_role("menuitemradio", name=f"Notify of {level}").click()
        talk.bob.get_by_role("button", name="Room menu").click()
        chosen = talk.bob.get_by_role("menuitemradio", name=f"Notify of {level}")
        expect(chosen).to_have_attribute("aria-checked", "true")
        talk.bob.keyboard.press("Escape")


def keeps_a_draft(talk: Talk, number: int) -> None:
    message_box(talk.bob).fill(f"half a thought, {number}")
    talk.bob.reload()
    expect(message_box(talk.bob)).to_have_value(f"half a thought, {number}")
    message_box(talk.bob).fill("")


def is_typing(talk: Talk, number: int) -> None:
    message_box(talk.alice).press_sequentially(f"{number}")
    expect(talk.bob.get_by_text(f"{username(talk.alice)} is typing…")).to_be_visible()
    message_box(talk.alice).fill("")


def leaves_and_rejoins(talk: Talk, _number: int) -> None:
    room_menu(talk.bob, "Leave room")
    expect(talk.bob.get_by_text("You left this room.")).to_be_visible()
    open_room(talk.bob, talk.room)


def jumps_to_a_date(talk: Talk, _number: int) -> None:
    room_menu(talk.alice, "Jump to a date")
    dialog = talk.alice.get_by_role("dialog")
    dialog.get_by_label("Day").fill(talk.day)
    dialog.get_by_role("button", name="Jump").click()
    expect(row(talk.alice, talk.expected[0][0])).to_be_in_viewport()


def writes_markdown(talk: Talk, number: int) -> None:
    send(talk.bob, f"**bold** and `code` {number}")
    talk.expected.append([f"bold and code {number}", "", "", ""])
    for page in talk.both:
        expect(row(page, f"bold and code {number}").locator("code")).to_have_text("code")


def follows_a_link(talk: Talk, _number: int) -> None:
    seq = row(talk.alice, talk.expected[-1][0]).get_attribute("data-seq")
    talk.bob.goto(talk.bob.url.split("#")[0] + f"#{talk.room}/{seq}")
    expect(row(talk.bob, talk.expected[-1][0])).to_be_focused()


def renames_oneself(talk: Talk, number: int) -> None:
    rename(talk.bob, f"{username(talk.bob)} the {number}th")
    expect(talk.bob.locator("#me")).to_have_text(f"{username(talk.bob)} the {number}th")


def blocks_and_unblocks(talk: Talk, _number: int) -> None:
    members(talk.alice).get_by_role("button", name=username(talk.bob)).click()
    for _ in ("the profile", "the question"):
        talk.alice.get_by_role("dialog").last.get_by_role("button", name="Block").click()
    expect(talk.alice.get_by_role("dialog")).to_have_count(0)
    close_pane(talk.alice)
    talk.alice.get_by_role("button", name="Settings", exact=True).click()
    settings = talk.alice.get_by_role("dialog")
    settings.get_by_role("button", name="Unblock").click()
    expect(settings.get_by_role("button", name="Unblock")).to_have_count(0)
    settings.get_by_role("button", name="Close").click()


def archives_and_reopens(talk: Talk, _number: int) -> None:
    for name in ("Archive", "Reopen"):
        room_menu(talk.alice, "Room settings")
        talk.alice.get_by_role("dialog").get_by_role("button", name=f"{name} this room").click()
        if name == "Archive":
            confirmation = talk.alice.get_by_role("dialog").last
            confirmation.get_by_role("button", name="Archive", exact=True).click()
        for page in talk.both:
            expect(message_box(page)).to_have_count(int(name == "Reopen"))


FEATURES: list[Callable[[Talk, int], None]] = [
    replies,
    edits,
    reacts,
    pins,
    deletes,
    completes_a_mention,
    searches,
    sets_a_topic,
    gives_a_role_and_mutes,
    writes_directly,
    invites,
    adds_people,
    marks_as_unread,
    chooses_notifications,
    keeps_a_draft,
    is_typing,
    leaves_and_rejoins,
    jumps_to_a_date,
    writes_markdown,
    follows_a_link,
    renames_oneself,
    blocks_and_unblocks,
    archives_and_reopens,
]
