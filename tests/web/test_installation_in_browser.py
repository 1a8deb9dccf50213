"""The web client as an installed app: installable, open without a network, and updated."""

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.web.conftest import OUTAGE, Server
from tests.web.icons import ICONS, WEB, render
from tests.web.test_browser import OpenPage, expect_messages, open_room, register, send

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]


def wait_for_worker(page: Page) -> None:
    """Return when the service worker has cached its files and answers for this page."""
    # Not wait_for_function, whose repeated checks the page's policy forbids.
    page.evaluate(
        """async () => {
            const container = navigator.serviceWorker;
            await container.ready;
            if (container.controller !== null) return;
            await new Promise((resolve) =>
                container.addEventListener("controllerchange", resolve, { once: true }));
        }"""
    )


def cached(page: Page) -> list[str]:
    """The paths of everything that is cached."""
    paths = page.evaluate(
        """async () => {
            const found = [];
            for (const name of await caches.keys()) {
                const requests = await (await caches.open(name)).keys();
                found.push(...requests.map(({ url }) => new URL(url).pathname));
            }
            return found;
        }"""
    )
    return [str(path) for path in paths]


def test_a_browser_offers_to_install_the_page(open_page: OpenPage) -> None:
    page = open_page()
    wait_for_worker(page)
    devtools = page.context.new_cdp_session(page)

    manifest = devtools.send("Page.getAppManifest")
    errors = devtools.send("Page.getInstallabilityErrors")["installabilityErrors"]

    assert manifest["errors"] == []
    # Contexts of tests are private windows, which install nothing.
    assert [error for error in errors if error["errorId"] != "in-incognito"] == []


def test_the_page_opens_without_a_network(open_page: OpenPage, server: Server, room: str) -> None:
    server.expected.extend((*OUTAGE, "ERR_INTERNET_DISCONNECTED"))
    alice = open_room(register(open_page(), "alice"), room)
    wait_for_worker(alice)

    alice.context.set_offline(True)
    alice.reload()
    expect(alice.get_by_text("You are offline.")).to_be_visible()
    assert not [path for path in cached(alice) if not path.startswith("/web/") and path != "/"]
    alice.context.set_offline(False)

    expect(alice.get_by_text("Connected", exact=True)).to_be_visible()
    send(alice, "back")
    expect_messages(alice, "back")


def test_the_page_opens_while_the_server_is_down(open_page: OpenPage, server: Server) -> None:
    page = open_page()
    wait_for_worker(page)

    server.kill()
    page.reload()

    expect(page.get_by_role("button", name="Log in")).to_be_visible()


@pytest.fixture
def upgraded(tmp_path: Path) -> Path:
    """A checkout of the next version, whose page differs by an id."""
    copy = tmp_path / "checkout" / "app"
    shutil.copytree(WEB.parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    page = copy / "web" / "index.html"
    page.write_text(page.read_text("utf-8").replace("<html ", '<html id="next" '), "utf-8")
    return copy.parent


def test_a_new_version_replaces_the_old(browser: Browser, tmp_path: Path, upgraded: Path) -> None:
    server = Server(tmp_path)
    server.start()
    context = browser.new_context()
    try:
        page, open_before = context.new_page(), context.new_page()
        page.goto(server.url)
        wait_for_worker(page)
        register(page, "alice")
        open_before.goto(server.url)
        expect(open_before.get_by_text("Connected", exact=True)).to_be_visible()
        [old] = page.evaluate("caches.keys()")

        server.close()
        server.checkout = upgraded
        server.start()
        page.reload()
        expect(page.locator("html#next")).to_have_count(1)
        expect(open_before.get_by_text("There is a new version.")).to_be_visible()

        # The page of the old version finds its files, which the server no longer has.
        assert len(page.evaluate("caches.keys()")) == 2
        open_before.get_by_role("button", name="Settings").click()
        expect(open_before.get_by_role("dialog")).to_be_visible()
        server.close()
        page.reload()
        expect(page.locator("html#next")).to_have_count(1)
        newest = page.evaluate("caches.keys()")[-1]
        assert newest != old
    finally:
        context.close()
        server.close()


def test_the_icons_are_rendered_from_their_sources(browser: Browser) -> None:
    page = browser.new_page()
    for name, (source, size) in ICONS.items():
        rendered = render(browser, source, size)
        assert pixels(page, (WEB / name).read_bytes()) == pixels(page, rendered), name
    page.close()


def pixels(page: Page, png: bytes) -> list[int]:
    """A picture on a grid of 16 by 16, in steps of brightness that differ between two shapes."""
    values = page.evaluate(
        """async (bytes) => {
            const picture = await createImageBitmap(new Blob([new Uint8Array(bytes)]));
            const canvas = new OffscreenCanvas(16, 16).getContext("2d");
            canvas.drawImage(picture, 0, 0, 16, 16);
            return [...canvas.getImageData(0, 0, 16, 16).data].map((value) => value >> 5);
        }""",
        list(png),
    )
    return [int(value) for value in values]
