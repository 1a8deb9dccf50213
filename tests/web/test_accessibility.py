"""axe finds no serious barrier in the states of the web client, in light and in dark."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.web.community import PASSWORD, Community
from tests.web.conftest import Server
from tests.web.states import DESKTOP, STATES, log_in

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]

AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module")
def community(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Community]:
    server = Server(tmp_path_factory.mktemp("server"))
    server.start()
    community = Community(server)
    yield community
    community.close()
    server.close()


@pytest.mark.skipif(not AXE.exists(), reason="npm is not installed")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", [name for name in STATES if name != "dark"])
def test_a_state_has_no_serious_barrier(
    browser: Browser, community: Community, name: str, scheme: str
) -> None:
    options = {"viewport": DESKTOP, **STATES[name].options, "color_scheme": scheme}
    context = browser.new_context(**options)
    # Colours are judged when they have stopped to change.
    page = context.new_page()
    page.emulate_media(reduced_motion="reduce", color_scheme=scheme)  # type: ignore[arg-type]
    page.add_init_script(path=AXE)
    page.goto(community.url)
    STATES[name].show(page, community)

    assert findings(page) == []
    context.close()


@pytest.mark.skipif(not AXE.exists(), reason="npm is not installed")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_of_the_frames_has_no_serious_barrier(
    browser: Browser, community: Community, scheme: str
) -> None:
    context = browser.new_context(viewport=DESKTOP, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    page.emulate_media(reduced_motion="reduce")
    page.add_init_script(path=AXE)
    page.goto(f"{community.url}/asyncapi")
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Connect").click()
    expect(page.get_by_text("Connected", exact=True)).to_be_visible()
    page.locator("summary", has_text="message.created").click()

    assert findings(page) == []
    context.close()


def findings(page: Page) -> list[str]:
    """What axe found that is serious or critical: the rule, and where."""
    found = page.evaluate(
        """async (standards) => {
            const { violations } = await axe.run({ runOnly: standards });
            return violations
                .filter(({ impact }) => ["serious", "critical"].includes(impact))
                .flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) =>
                    `${id}: ${target.join(" ")}: ${failureSummary.split("\\n")[1]?.trim()}`));
        }""",
        STANDARDS,
    )
    return [str(line) for line in found]


def test_axe_finds_a_barrier(browser: Browser) -> None:
    if not AXE.exists():
        pytest.skip("npm is not installed")
    page = browser.new_page()
    page.set_content("<html lang='en'><title>t</title><button></button></html>")
    page.add_script_tag(path=AXE)

    assert [finding for finding in findings(page) if finding.startswith("button-name")]
    page.close()


def test_every_control_is_reached_with_the_tab_key(browser: Browser, community: Community) -> None:
    context = browser.new_context(viewport=DESKTOP)
    page = context.new_page()
    page.goto(community.url)
    log_in(page)
    page.get_by_role("link", name="#design").press("Enter")
    expect(page.get_by_role("textbox", name="Message")).to_be_focused()

    reached = walk(page)

    assert {
        "Go to a room or person",
        "New room",
        "Settings",
        "Log out",
        "Search",
        "Pinned messages",
        "Room menu",
        "Messages",
        "Insert emoji",
        "Message",
    } <= reached
    context.close()


def walk(page: Page) -> set[str]:
    """Press Tab from the text field around to it; return the names of what had the focus."""
    names: list[str] = []
    while len(names) < 200:
        page.keyboard.press("Tab")
        names.append(focused(page))
        if names[-1] == "Message":
            return set(names)
    raise AssertionError(names)


def focused(page: Page) -> str:
    """The name of what has the focus, which must be seen."""
    return str(
        page.evaluate(
            """() => {
                const found = document.activeElement;
                if (found === document.body) return "";
                if (!found.matches(":focus-visible")) throw new Error(`No ring: ${found.id}`);
                return found.getAttribute("aria-label") ?? found.labels?.[0]?.textContent
                    ?? found.textContent;
            }"""
        )
    )
