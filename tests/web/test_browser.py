"""The pages in a real browser, against a real server process."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.web.conftest import PATIENCE_MS, Server, own

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

Visit = Callable[..., Page]

PASSWORD = "many sheep by the window"
PHONE = {"viewport": {"width": 390, "height": 780}}

expect.set_options(timeout=PATIENCE_MS)


def register(page: Page, name: str) -> Page:
    page.get_by_role("button", name="New here?").click()
    page.get_by_role("textbox", name="Username").fill(own(name))
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Make an account").click()
    expect(page.get_by_text("Connected", exact=True)).to_be_visible()
    return page


def name_of(page: Page) -> str:
    return page.locator("#me").inner_text()


def enter(page: Page, room: str) -> Page:
    page.get_by_role("link", name=f"#{room}").click()
    expect(page.get_by_role("heading", name=f"#{room}")).to_be_visible()
    expect(composer(page)).to_be_visible()
    return page


def composer(page: Page):
    return page.get_by_role("textbox", name="Message")


def say(page: Page, text: str) -> None:
    composer(page).fill(text)
    composer(page).press("Enter")


def post_many(page: Page, room: str, texts: list[str]) -> None:
    """Say a lot at once, over HTTP with the page's own token."""
    page.evaluate(
        """async ([room, texts]) => {
            const { access } = JSON.parse(localStorage.getItem("parley.session"));
            const headers = {
                Authorization: `Bearer ${access}`, "Content-Type": "application/json",
            };
            for (const text of texts) {
                const body = JSON.stringify({ text });
                await fetch(`/rooms/${room}/messages`, { method: "POST", headers, body });
            }
        }""",
        [room, texts],
    )


def message(page: Page, text: str):
    return page.get_by_role("log").get_by_text(text, exact=True)


def expect_said(page: Page, *texts: str) -> None:
    """These are the messages, each once and in this order, and none is on its way."""
    expect(page.locator(".message .text")).to_have_text(list(texts))
    expect(page.locator(".unsent")).to_have_count(0)


def test_two_people_talk(visit: Visit, room: str) -> None:
    alice = enter(register(visit(), "alice"), room)
    bob = enter(register(visit(**PHONE), "bob"), room)
    bob.get_by_role("button", name="2 here").click()
    expect(bob.get_by_label("Who is here").get_by_role("listitem")).to_have_text(
        [name_of(alice), name_of(bob)]
    )
    bob.get_by_role("button", name="Close").click()

    say(alice, "Hello!")
    say(bob, "Hi.")
    expect_said(alice, "Hello!", "Hi.")
    composer(bob).press_sequentially("Two")
    expect(alice.get_by_text(f"{name_of(bob)} is typing…")).to_be_visible()
    composer(bob).press("Shift+Enter")
    composer(bob).press_sequentially("lines")
    composer(bob).press("Enter")

    for page in (alice, bob):
        expect_said(page, "Hello!", "Hi.", "Two\nlines")


def test_somebody_comes_back_with_a_password(visit: Visit, server: Server, room: str) -> None:
    server.expected.append("401 (Unauthorized)")
    alice = enter(register(visit(), "alice"), room)
    say(alice, "I was here")
    expect_said(alice, "I was here")

    again = visit(f"/#{room}")
    again.get_by_role("textbox", name="Username").fill(name_of(alice))
    again.get_by_label("Password").fill("wrong password")
    again.get_by_role("button", name="Log in").click()
    expect(again.get_by_role("alert").get_by_text("Wrong username or password.")).to_be_visible()
    again.get_by_label("Password").fill(PASSWORD)
    again.get_by_role("button", name="Log in").click()

    expect_said(again, "I was here")


def test_reloading_the_page_keeps_the_log_in_and_the_room(visit: Visit, room: str) -> None:
    alice = enter(register(visit(), "alice"), room)
    say(alice, "still here")

    alice.reload()

    expect_said(alice, "still here")


def test_a_keyboard_is_enough(visit: Visit, room: str) -> None:
    alice = register(visit(), "alice")

    alice.get_by_role("link", name=f"#{room}").press("Enter")
    expect(composer(alice)).to_be_focused()
    alice.keyboard.type("no mouse here")
    alice.keyboard.press("Enter")
    expect_said(alice, "no mouse here")

    alice.get_by_role("button", name="New room").press("Enter")
    alice.keyboard.press("Escape")
    expect(alice.get_by_role("dialog")).to_have_count(0)


def test_leaving_a_room_and_coming_back(visit: Visit, room: str) -> None:
    alice = enter(register(visit(), "alice"), room)

    alice.get_by_role("button", name="Leave this room").click()
    expect(alice.get_by_text("You left this room.")).to_be_visible()
    expect(composer(alice)).to_have_count(0)
    alice.get_by_role("list", name="Open to all").get_by_role("link", name=f"#{room}").click()

    say(alice, "back")
    expect_said(alice, "back")


def test_a_room_that_is_none_says_so(visit: Visit) -> None:
    alice = register(visit(), "alice")

    alice.goto(alice.url.split("#")[0] + "#nowhere")

    expect(alice.get_by_text("There is no such room")).to_be_visible()
    expect(alice.get_by_role("link", name="#nowhere")).to_have_count(0)


def test_what_looks_like_markup_stays_text(visit: Visit, room: str) -> None:
    hostile = [
        "<img src=x onerror=alert(1)>",
        "<script>alert(1)</script>",
        '"><svg onload=alert(1)>',
        "javascript:alert(1)",
        "&lt;b&gt;",
    ]
    alice = enter(register(visit(), "alice"), room)
    dialogs: list[str] = []
    alice.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))

    for text in hostile:
        say(alice, text)
    say(alice, "see https://example.org/?a=1.")

    expect_said(alice, *hostile, "see https://example.org/?a=1.")
    [link] = alice.locator("#messages a").all()
    assert link.get_attribute("href") == "https://example.org/?a=1"
    assert link.get_attribute("rel") == "noopener noreferrer"
    assert alice.locator("#messages :is(img, script, svg)").count() == 0
    assert dialogs == []


def test_the_page_survives_a_server_that_is_killed(
    visit: Visit, server: Server, room: str
) -> None:
    alice = enter(register(visit(), "alice"), room)
    bob = enter(register(visit(), "bob"), room)
    say(alice, "before")
    expect_said(bob, "before")

    server.kill()
    for page in (alice, bob):
        expect(page.get_by_text("Reconnecting…")).to_be_visible()
    say(alice, "meanwhile, one")
    say(alice, "meanwhile, two")
    expect(alice.get_by_text("Sending…")).to_have_count(2)
    server.start()

    for page in (alice, bob):
        expect(page.get_by_text("Connected", exact=True)).to_be_visible(timeout=45_000)
        expect_said(page, "before", "meanwhile, one", "meanwhile, two")


def test_unsent_messages_outlive_a_reload(visit: Visit, server: Server, room: str) -> None:
    alice = enter(register(visit(), "alice"), room)
    server.kill()
    expect(alice.get_by_text("Reconnecting…")).to_be_visible()
    say(alice, "kept")
    server.start()

    alice.reload()

    expect_said(alice, "kept")


def test_older_messages_come_on_scrolling(visit: Visit, room: str) -> None:
    alice = enter(register(visit(), "alice"), room)
    post_many(alice, room, [f"number {number}" for number in range(120)])
    alice.reload()
    expect(message(alice, "number 119")).to_be_visible()
    expect(message(alice, "number 10")).to_have_count(0)

    log = alice.get_by_role("log")
    for number in (60, 10):
        log.evaluate("log => { log.scrollTop = 0; }")
        expect(message(alice, f"number {number}")).to_have_count(1)

    log.evaluate("log => { log.scrollTop = 0; }")
    expect(message(alice, "number 0")).to_be_visible()
    expect_said(alice, *[f"number {number}" for number in range(120)])


def test_a_private_room_is_seen_by_whom_one_adds(visit: Visit, room: str) -> None:
    alice = register(visit(), "alice")
    bob = register(visit(), "bob")
    attic = own("attic")

    alice.get_by_role("button", name="New room").click()
    alice.get_by_label("Kind").select_option("private")
    alice.get_by_role("textbox", name="Name", exact=True).fill(attic)
    alice.get_by_role("button", name="Make it").click()
    expect(alice.get_by_role("heading", name=f"#{attic}")).to_be_visible()
    expect(bob.get_by_role("link", name=f"#{attic}")).to_have_count(0)
    alice.get_by_placeholder("Username").fill(name_of(bob))
    alice.get_by_role("button", name="Add", exact=True).click()
    expect(alice.get_by_text(f"You added {name_of(bob)}")).to_be_visible()
    say(alice, "psst")

    expect(bob.get_by_role("link", name=f"#{attic}").get_by_label("1 unread")).to_be_visible()
    enter(bob, attic)
    expect_said(bob, "psst")
    expect(bob.get_by_label("1 unread")).to_have_count(0)


def test_logging_out_leaves_nothing_behind(visit: Visit, server: Server, room: str) -> None:
    alice = enter(register(visit(), "alice"), room)
    token = alice.evaluate("JSON.parse(localStorage.getItem('parley.session')).access")

    # The page empties itself first and tells the server then, so that a click acts at once.
    with alice.expect_response("**/token/revoke"):
        alice.get_by_role("button", name="Log out").click()

    expect(alice.get_by_role("button", name="Log in")).to_be_visible()
    assert alice.evaluate("[localStorage.length, sessionStorage.length]") == [0, 0]
    expect(alice.get_by_role("log")).to_have_count(0)
    headers = {"Authorization": f"Bearer {token}"}
    assert alice.request.get(f"{server.url}/users/me", headers=headers).status == 401


def test_swagger_authorizes_and_calls(visit: Visit) -> None:
    alice = name_of(register(visit(), "alice"))
    page = visit("/docs")

    page.get_by_role("button", name="Authorize").first.click()
    page.get_by_role("textbox", name="username").fill(alice)
    page.locator("#oauth_password").fill(PASSWORD)
    page.get_by_role("button", name="Apply given OAuth2 credentials").click()
    expect(page.get_by_role("button", name="Remove authorization")).to_be_visible()
    page.get_by_role("button", name="Close").click()
    operation = page.locator(".opblock-get").filter(has=page.locator('[data-path="/users/me"]'))
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Execute").click()

    live = operation.locator(".live-responses-table")
    expect(live.locator(".response-col_status").nth(1)).to_contain_text("200")
    expect(live.locator(".response-col_description").nth(1)).to_contain_text(alice)
    assert page.evaluate("localStorage.length") == 0
