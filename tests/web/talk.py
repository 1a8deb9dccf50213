"""Two people in a room, each in a browser, and what both screens must show."""

from dataclasses import dataclass, field
from datetime import date

from playwright.sync_api import Locator, Page, expect

from tests.web.test_browser import send
from tests.web.test_messages_in_browser import row

# What a screen shows of each message: its text, marks, and reactions.
READ_MESSAGES = """log => [...log.querySelectorAll("li.message")].map((row) => [
    row.querySelector(".text").innerText.trim(),
    row.querySelector(".marks")?.innerText ?? "",
    row.querySelector(".reactions")?.innerText.trim() ?? "",
    row.querySelector(".quote span.clip")?.innerText ?? "",
].join("|"))"""

Line = list[str]


@dataclass
class Talk:
    """The owner of a room and a member, each in a browser; and what was said."""

    alice: Page
    bob: Page
    room: str
    expected: list[Line] = field(default_factory=list)
    """Text, marks, reactions and the text replied to, of each message in the order of the log."""
    day: str = field(default_factory=lambda: date.today().isoformat())
    """When the first message was sent."""

    @property
    def both(self) -> tuple[Page, Page]:
        return self.alice, self.bob

    def say(self, by: Page, text: str) -> Line:
        """Send a message that both see."""
        send(by, text)
        self.expected.append([text, "", "", ""])
        for page in self.both:
            expect(row(page, text)).to_be_visible()
        expect(by.locator(".unsent")).to_have_count(0)
        return self.expected[-1]

    def check(self) -> None:
        """Both screens show all messages, each once, in the order of the log, and nothing else."""
        lines = ["|".join(line) for line in self.expected]
        for page in self.both:
            scroll_back(page, self.expected[0][0])
            expect(page.locator("#messages > .message")).to_have_count(len(lines))
            expect(page.locator(".unsent")).to_have_count(0)
            assert page.get_by_role("log").evaluate(READ_MESSAGES) == lines


def scroll_back(page: Page, first: str) -> None:
    """Scroll up, as often as that loads more, until the first message is there."""
    log = page.get_by_role("log")
    oldest = page.locator("#messages > li[data-seq]").first
    while row(page, first).count() == 0:
        seq = oldest.get_attribute("data-seq") or ""
        log.evaluate("log => { log.scrollTop = 0; }")
        expect(oldest).not_to_have_attribute("data-seq", seq)


def members(page: Page) -> Locator:
    pane = page.get_by_role("complementary", name="Members")
    if not pane.is_visible():
        page.get_by_role("button", name="online").click()
    return pane


def close_pane(page: Page) -> None:
    page.get_by_role("complementary").get_by_role("button", name="Close").click()


def room_menu(page: Page, item: str) -> None:
    page.get_by_role("button", name="Room menu").click()
    page.get_by_role("menuitem", name=item).click()
