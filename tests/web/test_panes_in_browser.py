"""The side pane, dialogs and shortcuts in a real browser."""

import pytest
from playwright.sync_api import Page, expect

from tests.web.conftest import Server, unique
from tests.web.test_browser import (
    PASSWORD,
    OpenPage,
    expect_messages,
    message_box,
    open_room,
    post_many,
    register,
    send,
    username,
)
from tests.web.test_messages_in_browser import row

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]


def own_room(page: Page, kind: str = "private") -> str:
    """Create a room, as its owner."""
    name = unique("own")
    page.get_by_role("button", name="New room").first.click()
    page.get_by_label("Kind").select_option(kind)
    page.get_by_role("textbox", name="Name", exact=True).fill(name)
    page.get_by_role("button", name="Create", exact=True).click()
    expect(message_box(page)).to_be_visible()
    return name


def test_a_search_leads_to_its_message(open_page: OpenPage, room: str) -> None:
    alice = open_room(register(open_page(), "alice"), room)
    send(alice, "The cellar key is under the mat")
    expect_messages(alice, "The cellar key is under the mat")
    post_many(alice, room, [f"number {number}" for number in range(300)])
    alice.reload()
    expect(row(alice, "number 299")).to_be_visible()

    alice.keyboard.press("Control+Shift+f")
    search = alice.get_by_role("complementary", name="Search")
    search.get_by_role("searchbox", name="Search messages").fill("CELLAR key")
    hit = search.get_by_role("link", name="cellar")
    expect(hit.locator("mark").first).to_have_text("cellar")
    hit.click()
    expect(row(alice, "under the mat")).to_be_focused()
    expect(row(alice, "number 299")).to_have_count(0)

    search.get_by_role("searchbox", name="Search messages").fill("nothingofthekind")
    expect(search.get_by_text("No message has all of these words.")).to_be_visible()


def test_a_moderator_gives_roles_mutes_and_bans(open_page: OpenPage, server: Server) -> None:
    # The page asks for the room that it was banned from.
    server.expected.append("403 (Forbidden)")
    alice, bob = register(open_page(), "alice"), register(open_page(), "bob")
    name = own_room(alice, "public")
    # New public rooms of others are listed within a minute.
    bob.goto(bob.url.split("#")[0] + f"#{name}")
    bob.get_by_role("button", name="Join room").click()
    alice.get_by_role("button", name="2 online").click()
    members = alice.get_by_role("complementary", name="Members")
    person = members.get_by_role("button", name=username(bob))

    person.click()
    alice.get_by_role("dialog").get_by_label("Role").select_option("moderator")
    expect(person.get_by_text("moderator")).to_be_visible()
    person.click()
    alice.get_by_role("dialog").get_by_role("button", name="Mute", exact=True).click()
    expect(person.get_by_text("muted")).to_be_visible()
    person.click()
    alice.get_by_role("dialog").get_by_role("button", name="Ban", exact=True).click()

    expect(person).to_have_count(0)
    expect(bob.get_by_text("You are banned from this room.")).to_be_visible()


def test_an_invite_lets_someone_into_a_private_room(open_page: OpenPage) -> None:
    alice, bob = register(open_page(), "alice"), register(open_page(), "bob")
    name = own_room(alice)
    alice.get_by_role("button", name="Room menu").click()
    alice.get_by_role("menuitem", name="Room settings").click()
    settings = alice.get_by_role("dialog")
    settings.get_by_role("button", name="Create link").click()
    link = settings.get_by_label("Link").input_value()
    settings.get_by_label("Topic").fill("Only for us")
    settings.get_by_role("button", name="Save", exact=True).click()
    expect(settings).to_have_count(0)

    bob.goto(link)

    expect(bob.get_by_role("heading", name=f"#{name}")).to_be_visible()
    expect(bob.get_by_text("Only for us", exact=True)).to_be_visible()
    expect(message_box(bob)).to_be_visible()


def test_notification_levels_are_kept_for_every_device(open_page: OpenPage, room: str) -> None:
    alice = open_room(register(open_page(), "alice"), room)
    alice.get_by_role("button", name="Room menu").click()
    with alice.expect_response("**/notifications"):
        alice.get_by_role("menuitemradio", name="Notify of nothing").click()

    other = open_page(f"/#{room}")
    other.get_by_role("textbox", name="Username").fill(username(alice))
    other.get_by_label("Password").fill(PASSWORD)
    other.get_by_role("button", name="Log in").click()
    expect(message_box(other)).to_be_visible()
    other.get_by_role("button", name="Room menu").click()

    chosen = other.get_by_role("menuitemradio", name="Notify of nothing")
    expect(chosen).to_have_attribute("aria-checked", "true")


def test_a_mention_elsewhere_is_notified_of(open_page: OpenPage, room: str) -> None:
    alice = open_page(permissions=["notifications"])
    alice.add_init_script(
        """window.shown = [];
        window.firstShown = new Promise((resolve) => {
            window.Notification = class extends EventTarget {
                static permission = "granted";
                constructor(title, { body }) {
                    super();
                    window.shown.push([title, body]);
                    resolve();
                }
            };
        });"""
    )
    alice.reload()
    open_room(register(alice, "alice"), room)
    bob = open_room(register(open_page(), "bob"), room)
    own_room(alice)

    send(bob, "not for you")
    send(bob, f"@{username(alice)} for you")

    # Where the page may not evaluate strings, wait_for_function() can't either.
    alice.evaluate("() => window.firstShown")
    assert alice.evaluate("window.shown") == [
        [f"{username(bob)} in #{room}", f"@{username(alice)} for you"]
    ]


def test_display_name_theme_and_sessions_are_settings(open_page: OpenPage, room: str) -> None:
    alice = open_room(register(open_page(), "alice"), room)
    send(alice, "Hello")
    alice.get_by_role("button", name="Settings", exact=True).click()
    settings = alice.get_by_role("dialog", name="Settings")
    expect(settings.get_by_text("this one")).to_be_visible()

    settings.get_by_label("Display name").fill("Alice Liddell")
    settings.get_by_role("button", name="Save name").click()
    settings.get_by_label("Theme").select_option("dark")
    expect(alice.locator("html")).to_have_attribute("data-theme", "dark")
    settings.get_by_role("button", name="Close").click()

    expect(row(alice, "Hello").get_by_role("button", name="Alice Liddell")).to_be_visible()
    expect(alice.locator("#me")).to_have_text("Alice Liddell")
    alice.reload()
    expect(alice.locator("html")).to_have_attribute("data-theme", "dark")
    expect(alice.locator("#me")).to_have_text("Alice Liddell")
    expect(row(alice, "Hello").get_by_role("button", name="Alice Liddell")).to_be_visible()


def rename(page: Page, name: str) -> None:
    page.get_by_role("button", name="Settings", exact=True).click()
    settings = page.get_by_role("dialog", name="Settings")
    settings.get_by_label("Display name").fill(name)
    settings.get_by_role("button", name="Save name").click()
    expect(page.get_by_role("alert").get_by_text("Name saved.")).to_be_visible()
    settings.get_by_role("button", name="Close").click()


def test_people_are_called_by_the_names_that_they_chose(open_page: OpenPage, room: str) -> None:
    alice = open_room(register(open_page(), "alice"), room)
    bob = open_room(register(open_page(), "bob"), room)
    rename(bob, "Bob Dobbs")
    bob.keyboard.press("Control+k")
    bob.get_by_role("combobox").fill(username(alice))
    bob.get_by_role("option", name=username(alice)).click()
    expect(bob.get_by_role("heading", name=f"@{username(alice)}")).to_be_visible()
    send(bob, "between us")
    expect_messages(bob, "between us")

    # Without opening it: the list of rooms names its other user.
    alice.reload()
    direct = alice.get_by_role("link", name="Bob Dobbs")
    expect(direct).to_be_visible()
    direct.click()
    expect(alice.get_by_role("heading", name="Bob Dobbs", exact=True)).to_be_visible()
    expect(row(alice, "between us").get_by_role("button", name="Bob Dobbs")).to_be_visible()

    alice.keyboard.press("Control+k")
    for wanted in ("bob dob", username(bob)):
        alice.get_by_role("combobox").fill(wanted)
        expect(alice.get_by_role("option")).to_have_count(1)
        expect(alice.get_by_role("option")).to_have_text(f"Bob Dobbs@{username(bob)}")
        expect(alice.get_by_role("option").locator("[data-initials=BD]")).to_be_visible()
    alice.get_by_role("combobox").fill("zzz")
    expect(alice.get_by_text("No room and nobody has this name.")).to_be_visible()


def test_a_long_name_is_cut_off_where_the_pane_ends(open_page: OpenPage, room: str) -> None:
    alice = open_room(register(open_page(), "alice"), room)
    rename(alice, "Wolfgang Amadeus Theophilus von Hohenzollern-Sigmaringen")
    alice.get_by_role("button", name="1 online").click()

    pane = alice.get_by_role("complementary", name="Members")
    expect(pane.get_by_role("button", name="Wolfgang")).to_be_visible()
    for part in (pane, pane.locator(".pane-body")):
        assert part.evaluate("part => part.scrollWidth - part.clientWidth") == 0


def test_a_change_of_name_shows_within_a_minute(open_page: OpenPage, room: str) -> None:
    alice = open_room(register(open_page(), "alice"), room)
    alice.clock.install()
    alice.reload()
    bob = open_room(register(open_page(), "bob"), room)
    send(bob, "Hello")
    expect(row(alice, "Hello").get_by_role("button", name=username(bob))).to_be_visible()

    rename(bob, "Bob Dobbs")
    alice.clock.fast_forward(60_000)

    expect(row(alice, "Hello").get_by_role("button", name="Bob Dobbs")).to_be_visible()


def test_rooms_and_people_are_reached_by_keyboard(open_page: OpenPage, room: str) -> None:
    bob = username(register(open_page(), "bob"))
    alice = open_room(register(open_page(), "alice"), room)

    alice.keyboard.press("Control+k")
    expect(alice.get_by_role("combobox")).to_be_focused()
    alice.keyboard.type(bob)
    expect(alice.get_by_role("option", name=bob)).to_be_visible()
    alice.keyboard.press("Enter")
    expect(alice.get_by_role("heading", name=f"@{bob}")).to_be_visible()
    alice.keyboard.press("Control+k")
    expect(alice.get_by_role("combobox")).to_be_focused()
    alice.keyboard.type(room)
    expect(alice.get_by_role("option", name=room).first).to_be_visible()
    alice.keyboard.press("Enter")
    expect(alice.get_by_role("heading", name=f"#{room}")).to_be_visible()

    alice.keyboard.press("Control+/")
    expect(alice.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    alice.keyboard.press("Escape")
    expect(alice.get_by_role("dialog")).to_have_count(0)


def test_a_new_user_begins_in_general_and_comes_back_to_the_last_room(
    open_page: OpenPage, room: str
) -> None:
    alice = register(open_page(), "alice")
    expect(alice.get_by_role("heading", name="#general")).to_be_visible()
    expect(message_box(alice)).to_be_visible()
    open_room(alice, room)

    alice.goto(alice.url.split("#")[0])
    alice.reload()

    expect(alice.get_by_role("heading", name=f"#{room}")).to_be_visible()
