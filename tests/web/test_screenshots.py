"""
Twelve states of the web client: each can be reached, and ``docs/screenshots`` has its picture.

    pytest tests/web/test_screenshots.py --screenshots

takes the pictures again. With the fonts of ``fonts.conf`` they look as on most people's machines.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.web.community import Community
from tests.web.conftest import CHROMIUM, Server
from tests.web.states import DESKTOP, STATES, State
from tests.web.test_embed_in_browser import Shop

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"
MAX_BYTES = 60_000
QUALITY = 0.86


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A server with a community, and the page of another product beside it."""
    shop = Shop()
    shop.serve()
    shop.chat = Server(tmp_path_factory.mktemp("chat"), ALLOWED_ORIGINS=shop.origin)
    shop.chat.start()
    yield shop
    shop.chat.close()
    shop.close()


@pytest.fixture(scope="module")
def community(shop: Shop) -> Iterator[Community]:
    community = Community(shop.chat)
    yield community
    community.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not installed")
    fonts = {**os.environ, "FONTCONFIG_FILE": str(Path(__file__).with_name("fonts.conf"))}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox"], env=fonts
        )
        yield browser
        browser.close()


@pytest.mark.parametrize("name", STATES)
def test_a_state(
    browser: Browser, shop: Shop, community: Community, name: str, request: pytest.FixtureRequest
) -> None:
    state: State = STATES[name]
    context = browser.new_context(**{"viewport": DESKTOP, **state.options})
    page = context.new_page()
    page.goto(shop.chat.url)
    state.show(page, community)

    keep(page, name, record=request.config.getoption("--screenshots", default=False))
    context.close()


def test_the_element_in_a_page_of_another_product(
    browser: Browser, shop: Shop, community: Community, request: pytest.FixtureRequest
) -> None:
    context = browser.new_context(viewport={"width": 800, "height": 620})
    page = context.new_page()
    page.route("**/chat-token", lambda route: shop.give_token(route, "ada"))
    page.goto(shop.origin)
    page.evaluate("document.querySelector('parley-chat').room = 'design'")
    expect(page.get_by_text("Works on both of mine")).to_be_visible()
    page.get_by_label("Message", exact=True).fill("Is this the same room?")

    keep(page, "embed", record=request.config.getoption("--screenshots", default=False))
    context.close()


def test_every_picture_is_of_a_state_and_small() -> None:
    pictures = {picture.stem: picture for picture in FOLDER.glob("*.webp")}

    assert set(pictures) == {*STATES, "embed"}
    for picture in pictures.values():
        body = picture.read_bytes()
        assert body[:4] == b"RIFF"
        assert body[8:12] == b"WEBP"
        assert 2_000 < len(body) <= MAX_BYTES, picture.name


def keep(page: Page, name: str, *, record: bool) -> None:
    """Take a picture of the page, and with ``record`` write it into the folder."""
    png = page.screenshot(animations="disabled", caret="hide")
    assert len(png) > 5_000
    if record:
        (FOLDER / f"{name}.webp").write_bytes(webp(page.context.browser.new_page(), png))


def webp(converter: Page, png: bytes) -> bytes:
    """Compress a picture."""
    found = converter.evaluate(
        """async ([bytes, quality]) => {
            const picture = await createImageBitmap(new Blob([new Uint8Array(bytes)]));
            const canvas = new OffscreenCanvas(picture.width, picture.height);
            canvas.getContext("2d").drawImage(picture, 0, 0);
            const blob = await canvas.convertToBlob({ type: "image/webp", quality });
            return [...new Uint8Array(await blob.arrayBuffer())];
        }""",
        [list(png), QUALITY],
    )
    converter.close()
    return bytes(found)
