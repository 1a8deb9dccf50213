"""The pages in a real browser, against a real server process."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.web.conftest import Server, unique

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]

OpenPage = Callable[..., Page]

PASSWORD = "many sheep by the window"
PHONE = {"viewport": {"width": 390, "height": 780}}


def register(page: Page, name: str) -> Page:
    page.get_by_role("button", name="New here?").click()
    page.get_by_role("textbox", name="Username").fill(unique(name))
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_text("Connected", exact=True)).to_be_visible()
    return page


def username(page: Page) -> str:
    name = page.locator("#me").get_attribute("title")
    assert name
    return name


def open_room(page: Page, room: str) -> Page:
    page.get_by_role("link", name=f"#{room}").click()
    expect(page.get_by_role("heading", name=f"#{room}")).to_be_visible()
    join = page.get_by_role("button", name="Join room")
    expect(join.or_(message_box(page))).to_be_visible()
    if join.is_visible():
        join.click()
    expect(message_box(page)).to_be_visible()
    return page


def message_box(page: Page):
    return page.get_by_role("textbox", name="Message")


def send(page: Page, text: str) -> None:
    message_box(page).fill(text)
    message_box(page).press("Enter")


def post_many(page: Page, room: str, texts: list[str]) -> None:
    """Send messages over HTTP, with the page's own token."""
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


def expect_messages(page: Page, *texts: str) -> None:
    """Expect exactly these messages, in this order, and none unsent."""
    expect(page.locator(".message .text")).to_have_text(list(texts))
    expect(page.locator(".unsent")).to_have_count(0)


def test_two_users_exchange_messages(open_page: OpenPage, room: str) -> None:
    alice = open_room(register(open_page(), "alice"), room)
    bob = open_room(register(open_page(**PHONE), "bob"), room)
    bob.get_by_role("button", name="2 online").click()
    online = bob.get_by_role("list", name="Online").get_by_role("listitem")
    expect(online).to_have_text([username(alice), username(bob)])
    bob.get_by_role("complementary").get_by_role("button", name="Close").click()

    send(alice, "Hello!")
    send(bob, "Hi.")
    expect_messages(alice, "Hello!", "Hi.")
    message_box(bob).press_sequentially("Two")
    expect(alice.get_by_text(f"{username(bob)} is typing…")).to_be_visible()
    message_box(bob).press("Shift+Enter")
    message_box(bob).press_sequentially("lines")
    message_box(bob).press("Enter")

    for page in (alice, bob):
        expect_messages(page, "Hello!", "Hi.", "Two\nlines")


def test_logging_in_with_a_wrong_and_the_right_password(
    open_page: OpenPage, server: Server, room: str
) -> None:
    server.expected.append("401 (Unauthorized)")
    alice = open_room(register(open_page(), "alice"), room)
    send(alice, "I was here")
    expect_messages(alice, "I was here")

    again = open_page(f"/#{room}")
    again.get_by_role("textbox", name="Username").fill(username(alice))
    again.get_by_label("Password").fill("wrong password")
    again.get_by_role("button", name="Log in").click()
    expect(again.get_by_role("alert").get_by_text("Wrong username or password.")).to_be_visible()
    again.get_by_label("Password").fill(PASSWORD)
    again.get_by_role("button", name="Log in").click()

    expect_messages(again, "I was here")


def test_a_reload_keeps_login_and_room(open_page: OpenPage, room: str) -> None:
    alice = open_room(register(open_page(), "alice"), room)
    send(alice, "still here")

    alice.reload()

    expect_messages(alice, "still here")


def test_the_page_works_with_the_keyboard_alone(open_page: OpenPage, room: str) -> None:
    alice = register(open_page(), "alice")

    alice.get_by_role("link", name=f"#{room}").press("Enter")
    alice.get_by_role("button", name="Join room").press("Enter")
    expect(message_box(alice)).to_be_focused()
    alice.keyboard.type("no mouse here")
    alice.keyboard.press("Enter")
    expect_messages(alice, "no mouse here")

    alice.get_by_role("button", name="New room").first.press("Enter")
    expect(alice.get_by_role("dialog")).to_be_visible()
    alice.keyboard.press("Escape")
    expect(alice.get_by_role("dialog")).to_have_count(0)


def test_leaving_and_rejoining_a_room(open_page: OpenPage, room: str) -> None:
    alice = open_room(register(open_page(), "alice"), room)

    alice.get_by_role("button", name="1 online").click()
    alice.get_by_role("button", name="Leave this room").click()
    expect(alice.get_by_text("You left this room.")).to_be_visible()
    expect(message_box(alice)).to_have_count(0)
    open_room(alice, room)

    send(alice, "back")
    expect_messages(alice, "back")


def test_an_unknown_room_shows_an_error(open_page: OpenPage) -> None:
    alice = register(open_page(), "alice")

    alice.goto(alice.url.split("#")[0] + "#nowhere")

    expect(alice.get_by_text("There is no such room")).to_be_visible()
    expect(alice.get_by_role("link", name="#nowhere")).to_have_count(0)


def test_markup_in_messages_stays_text(open_page: OpenPage, room: str) -> None:
    hostile = [
        "<img src=x onerror=alert(1)>",
        "<script>alert(1)</script>",
        '"><svg onload=alert(1)>',
        "javascript:alert(1)",
        "&lt;b&gt;",
    ]
    alice = open_room(register(open_page(), "alice"), room)
    dialogs: list[str] = []
    alice.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))

    for text in hostile:
        send(alice, text)
    send(alice, "see https://example.org/?a=1.")

    expect_messages(alice, *hostile, "see https://example.org/?a=1.")
    [link] = alice.locator("#messages a").all()
    assert link.get_attribute("href") == "https://example.org/?a=1"
    assert link.get_attribute("rel") == "noopener noreferrer"
    assert alice.locator("#messages :is(img, script, svg)").count() == 0
    assert dialogs == []


def test_the_page_reconnects_after_the_server_was_killed(
    open_page: OpenPage, server: Server, room: str
) -> None:
    alice = open_room(register(open_page(), "alice"), room)
    bob = open_room(register(open_page(), "bob"), room)
    send(alice, "before")
    expect_messages(bob, "before")

    server.kill()
    for page in (alice, bob):
        expect(page.get_by_text("Reconnecting…")).to_be_visible()
    send(alice, "meanwhile, one")
    send(alice, "meanwhile, two")
    expect(alice.get_by_text("Sending…")).to_have_count(2)
    server.start()

    for page in (alice, bob):
        expect(page.get_by_text("Connected", exact=True)).to_be_visible(timeout=45_000)
        expect_messages(page, "before", "meanwhile, one", "meanwhile, two")


def test_unsent_messages_survive_a_reload(open_page: OpenPage, server: Server, room: str) -> None:
    alice = open_room(register(open_page(), "alice"), room)
    server.kill()
    expect(alice.get_by_text("Reconnecting…")).to_be_visible()
    send(alice, "kept")
    server.start()

    alice.reload()

    expect_messages(alice, "kept")


def test_scrolling_up_loads_older_messages(open_page: OpenPage, room: str) -> None:
    alice = open_room(register(open_page(), "alice"), room)
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
    expect_messages(alice, *[f"number {number}" for number in range(120)])


def test_a_private_room_is_visible_to_added_members(open_page: OpenPage, room: str) -> None:
    alice = register(open_page(), "alice")
    bob = register(open_page(), "bob")
    attic = unique("attic")

    alice.get_by_role("button", name="New room").first.click()
    alice.get_by_label("Kind").select_option("private")
    alice.get_by_role("textbox", name="Name", exact=True).fill(attic)
    alice.get_by_role("button", name="Create", exact=True).click()
    expect(alice.get_by_role("heading", name=f"#{attic}")).to_be_visible()
    expect(bob.get_by_role("link", name=f"#{attic}")).to_have_count(0)
    alice.get_by_role("button", name="1 online").click()
    alice.get_by_label("User to add").fill(username(bob))
    alice.get_by_role("button", name="Add", exact=True).click()
    expect(alice.get_by_text(f"You added {username(bob)}")).to_be_visible()
    send(alice, "psst")

    expect(bob.get_by_role("link", name=f"#{attic}").get_by_label("1 unread")).to_be_visible()
    open_room(bob, attic)
    expect_messages(bob, "psst")
    expect(bob.get_by_label("1 unread")).to_have_count(0)


def test_logging_out_clears_tokens_and_storage(
    open_page: OpenPage, server: Server, room: str
) -> None:
    alice = open_room(register(open_page(), "alice"), room)
    token = alice.evaluate("JSON.parse(localStorage.getItem('parley.session')).access")

    # The page clears itself before it calls the server, so wait for the response.
    with alice.expect_response("**/token/revoke"):
        alice.get_by_role("button", name="Log out").click()

    expect(alice.get_by_role("button", name="Log in")).to_be_visible()
    assert alice.evaluate("[localStorage.length, sessionStorage.length]") == [0, 0]
    expect(alice.get_by_role("log")).to_have_count(0)
    headers = {"Authorization": f"Bearer {token}"}
    assert alice.request.get(f"{server.url}/users/me", headers=headers).status == 401


def test_swagger_authorizes_and_calls(open_page: OpenPage) -> None:
    alice = username(register(open_page(), "alice"))
    page = open_page("/docs")

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


def test_asyncapi_lists_the_frames_and_sends_them(open_page: OpenPage) -> None:
    alice = username(register(open_page(), "alice"))
    page = open_page("/asyncapi")
    expect(page.get_by_text("message.created", exact=True)).to_have_count(1)

    page.get_by_label("Username").fill(alice)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Connect").click()
    expect(page.get_by_text("Connected", exact=True)).to_be_visible()
    frames = page.get_by_role("log", name="Frames")
    expect(frames).to_contain_text('"type":"welcome"')
    page.get_by_label("Frame", exact=True).select_option("join")
    page.get_by_role("button", name="Send").click()
    expect(frames).to_contain_text('"type":"caught_up"')
    page.get_by_label("Frame", exact=True).select_option("send")
    page.get_by_role("button", name="Send").click()

    expect(frames).to_contain_text('"type":"message.created"')
    expect(frames).to_contain_text('"type":"ack"')
    assert page.evaluate("localStorage.length") == 0
