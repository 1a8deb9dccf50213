"""Two people go through every feature while the server is killed and started again."""

import pytest
from playwright.sync_api import expect

from tests.web.conftest import Server
from tests.web.features import FEATURES
from tests.web.talk import Talk
from tests.web.test_browser import OpenPage, message_box, post_many, register, send
from tests.web.test_messages_in_browser import row
from tests.web.test_panes_in_browser import own_room

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]

# More than a page of history: it is loaded while someone scrolls up.
OLDER = 60


@pytest.mark.parametrize(
    "restarts", [3, pytest.param(20, marks=pytest.mark.hard)], ids=["some", "all"]
)
def test_nothing_is_lost_or_doubled_by_restarts(
    open_page: OpenPage, server: Server, restarts: int
) -> None:
    alice, bob = register(open_page(), "alice"), register(open_page(), "bob")
    room = own_room(alice, "public")
    older = [f"number {number}" for number in range(OLDER)]
    post_many(alice, room, older)
    # New public rooms of others are listed within a minute.
    bob.goto(bob.url.split("#")[0] + f"#{room}")
    bob.get_by_role("button", name="Join room").click()
    alice.reload()
    talk = Talk(alice, bob, room, [[text, "", "", ""] for text in older])
    for page in talk.both:
        expect(row(page, older[-1])).to_be_visible()

    for number in range(restarts):
        write_while_it_restarts(talk, server, number)
        for feature in FEATURES[number::restarts]:
            feature(talk, number)
            talk.check()

    for page in talk.both:
        page.reload()
    talk.check()


def write_while_it_restarts(talk: Talk, server: Server, number: int) -> None:
    """Kill the server when a message has just been sent; write more before it is back."""
    alice, bob = talk.both
    first, *meanwhile = (f"{number}: {when}" for when in ("at the kill", "later", "from bob"))
    send(alice, first)
    server.kill()
    for page in talk.both:
        expect(page.get_by_text("Reconnecting…")).to_be_visible()
    for page, text in zip(talk.both, meanwhile, strict=True):
        send(page, text)
        expect(message_box(page)).to_have_value("")
    server.start()

    for page in talk.both:
        expect(page.get_by_text("Connected", exact=True)).to_be_visible()
        for text in (first, *meanwhile):
            expect(row(page, text)).to_be_visible()
        expect(page.locator(".unsent")).to_have_count(0)
    # Alice's are in the order in which she wrote them; Bob's may be before, between or after.
    texts = alice.locator("#messages > .message .text").all_inner_texts()
    new = [text for text in texts if text.startswith(f"{number}: ")]
    assert sorted(new) == sorted((first, *meanwhile))
    assert new.index(first) < new.index(meanwhile[0])
    talk.expected += [[text, "", "", ""] for text in new]
