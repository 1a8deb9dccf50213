"""Outages, tabs and log-ins in a real browser: nothing that was written is lost or sent twice."""

import json
from time import monotonic

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, Request, expect

from tests.web.conftest import Server
from tests.web.test_browser import (
    PASSWORD,
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

RECONNECT_MS = 60_000


def dialog(page: Page, *path: str) -> Locator:
    """The dialog that a button, or a menu and its item, open."""
    page.get_by_role("button", name=path[0], exact=True).click()
    if len(path) > 1:
        page.get_by_role("menuitem", name=path[1]).click()
    return page.get_by_role("dialog")


def test_two_tabs_share_a_login_and_send_their_own(
    open_page: OpenPage, server: Server, room: str
) -> None:
    alice = open_room(register(open_page(), "alice"), room)
    other = alice.context.new_page()
    other.goto(alice.url)
    expect(message_box(other)).to_be_visible()
    send(alice, "one")
    expect_messages(other, "one")

    server.kill()
    for page, text in ((alice, "from one tab"), (other, "from the other")):
        expect(page.get_by_text("Reconnecting…")).to_be_visible()
        send(page, text)
        expect(page.get_by_text("Sending…")).to_have_count(1)
    server.start()

    for page in (alice, other):
        expect(page.locator("#messages > .message")).to_have_count(3, timeout=RECONNECT_MS)
        expect(page.locator(".unsent")).to_have_count(0)
    seen = alice.locator(".message .text").all_inner_texts()
    assert sorted(seen) == ["from one tab", "from the other", "one"]
    expect(other.locator(".message .text")).to_have_text(seen)


def test_a_closed_tab_leaves_what_it_could_not_send_to_the_next(
    open_page: OpenPage, server: Server, room: str
) -> None:
    alice = open_room(register(open_page(), "alice"), room)
    server.kill()
    expect(alice.get_by_text("Reconnecting…")).to_be_visible()
    send(alice, "left behind")
    expect(alice.get_by_text("Sending…")).to_be_visible()
    alice.close()
    server.start()

    later = alice.context.new_page()
    later.goto(f"{server.url}/#{room}")

    expect_messages(later, "left behind")


def log_in(page: Page, name: str) -> Page:
    page.get_by_role("textbox", name="Username").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("Connected", exact=True)).to_be_visible()
    return page


def test_a_log_out_elsewhere_ends_all_tabs(open_page: OpenPage, room: str) -> None:
    phone = open_room(register(open_page(), "alice"), room)
    second = phone.context.new_page()
    second.goto(phone.url)
    expect(message_box(second)).to_be_visible()
    laptop = log_in(open_page(f"/#{room}"), username(phone))

    settings = dialog(laptop, "Settings")
    expect(settings.get_by_text("this one")).to_be_visible()
    settings.get_by_role("button", name="Log out", exact=True).click()

    for page in (phone, second):
        expect(page.get_by_role("button", name="Log in")).to_be_visible()
        assert page.evaluate("[localStorage.length, sessionStorage.length]") == [0, 0]
    settings.get_by_role("button", name="Close").click()
    send(laptop, "still here")
    expect_messages(laptop, "still here")


def test_a_log_out_leaves_nothing_that_was_not_sent(
    open_page: OpenPage, server: Server, room: str
) -> None:
    alice = open_room(register(open_page(), "alice"), room)
    name = username(alice)
    server.kill()
    expect(alice.get_by_text("Reconnecting…")).to_be_visible()
    send(alice, "nobody else's business")
    expect(alice.get_by_text("Sending…")).to_be_visible()

    alice.get_by_role("button", name="Log out").click()
    expect(alice.get_by_text("Logged out on this device.")).to_be_visible()
    server.start()
    log_in(alice, name)
    open_room(alice, room)
    send(alice, "a fresh start")

    expect_messages(alice, "a fresh start")


def expire_token(page: Page) -> str:
    """Have the access token renewed before it is used again; return what is stored."""
    stored = page.evaluate(
        """() => {
            const session = JSON.parse(localStorage.getItem("parley.session"));
            const expired = JSON.stringify({ ...session, expiresAt: 0 });
            localStorage.setItem("parley.session", expired);
            return expired;
        }"""
    )
    return str(stored)


def exchanges_of(context: BrowserContext) -> list[str]:
    """The exchanges of a refresh token that the pages of a browser ask for from now on."""
    exchanges: list[str] = []
    context.on(
        "request", lambda one: exchanges.append(one.url) if one.url.endswith("/token") else None
    )
    return exchanges


def test_an_expired_access_token_is_exchanged_once_for_all_tabs(
    open_page: OpenPage, room: str
) -> None:
    alice = open_room(register(open_page(), "alice"), room)
    exchanges = exchanges_of(alice.context)
    expire_token(alice)
    tabs = [alice.context.new_page() for _ in range(3)]
    for tab in tabs:
        tab.goto(alice.url, wait_until="commit")
    for tab in tabs:
        expect(message_box(tab)).to_be_visible()
    send(tabs[0], "all of us")

    for tab in (*tabs, alice):
        expect_messages(tab, "all of us")
    assert len(exchanges) == 1


# A tab reads local storage from a copy of its process, and may do so before what another tab has
# written is there: in this one it never gets there.
OLD_COPY = """
    const getItem = Storage.prototype.getItem;
    Storage.prototype.getItem = function (key) {
        return key === "parley.session" ? OLD : getItem.call(this, key);
    };
"""


def test_a_tab_that_does_not_see_the_new_token_yet_does_not_exchange_the_old_one(
    open_page: OpenPage, room: str
) -> None:
    alice = open_room(register(open_page(), "alice"), room)
    exchanges = exchanges_of(alice.context)
    late = alice.context.new_page()
    late.add_init_script(OLD_COPY.replace("OLD", json.dumps(expire_token(alice))))
    for number in (1, 2):
        expire_token(alice)
        alice.reload()
        send(alice, f"with token {number}")
        expect(message(alice, f"with token {number}")).to_be_visible()
        assert len(exchanges) == number

    late.goto(alice.url)
    expect(message_box(late)).to_be_visible()
    send(late, "and so do I")

    expect_messages(alice, "with token 1", "with token 2", "and so do I")
    assert len(exchanges) == 2
    # The tab has not taken back what the other one has stored.
    alice.reload()
    expect_messages(alice, "with token 1", "with token 2", "and so do I")
    assert len(exchanges) == 2


def test_an_expired_session_asks_for_the_password(
    open_page: OpenPage, server: Server, room: str
) -> None:
    server.expected.append("401 (Unauthorized)")
    alice = open_room(register(open_page(), "alice"), room)
    name = username(alice)
    alice.evaluate(
        """() => {
            const session = JSON.parse(localStorage.getItem("parley.session"));
            const refresh = session.refresh.slice(0, -4) + "AAAA";
            const expired = { ...session, refresh, expiresAt: 0 };
            localStorage.setItem("parley.session", JSON.stringify(expired));
        }"""
    )

    alice.reload()

    expect(alice.get_by_text("You have been logged out.")).to_be_visible()
    log_in(alice, name)


def test_a_minute_offline_loses_nothing(open_page: OpenPage, server: Server, room: str) -> None:
    server.expected.append("ERR_INTERNET_DISCONNECTED")
    alice = open_room(register(open_page(), "alice"), room)
    alice.clock.install()
    alice.reload()
    expect(message_box(alice)).to_be_visible()
    bob = open_room(register(open_page(), "bob"), room)

    alice.context.set_offline(True)
    expect(alice.get_by_text("You are offline.")).to_be_visible()
    send(alice, "from a tunnel")
    post_many(bob, room, [f"meanwhile {number}" for number in range(30)])
    alice.clock.fast_forward(60_000)
    expect(alice.get_by_text("Sending…")).to_have_count(1)
    alice.context.set_offline(False)

    expected = [*(f"meanwhile {number}" for number in range(30)), "from a tunnel"]
    expect_messages(alice, *expected)
    expect_messages(bob, *expected)


def test_reading_back_during_an_outage_goes_on_after_it(
    open_page: OpenPage, server: Server, room: str
) -> None:
    alice = open_room(register(open_page(), "alice"), room)
    post_many(alice, room, [f"number {number}" for number in range(80)])
    alice.reload()
    expect(message(alice, "number 79")).to_be_visible()
    server.kill()
    expect(alice.get_by_text("Reconnecting…")).to_be_visible()

    def is_history(request: Request) -> bool:
        return "/messages" in request.url

    with alice.expect_event("requestfailed", is_history):
        alice.get_by_role("log").evaluate("log => { log.scrollTop = 0; }")
    failed = monotonic()
    alice.wait_for_event("requestfailed", is_history)
    # It is asked for again, but not in a busy loop.
    assert monotonic() - failed > 1
    server.start()

    expect(message(alice, "number 0")).to_have_count(1)
