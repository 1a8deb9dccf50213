"""The components of docs/frameworks.md, built as they are there, in a real browser."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.docs.pages import blocks
from tests.web.conftest import Server, browser, unique
from tests.web.test_embed_in_browser import Shop

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.sqlite_only]

__all__ = ["browser"]

HERE = Path(__file__).parent
CLIENT = HERE.parents[1] / "clients" / "javascript"
SERVER = "https://chat.example.org"
CHAT, REACT, VUE, SVELTE = (block.text for block in blocks("docs/frameworks.md"))

APPLICATIONS = {
    "react": {"main.jsx": REACT},
    "vue": {
        "room.vue": VUE,
        "main.js": 'import { createApp } from "vue"; import Room from "./room.vue";'
        'createApp(Room).mount("#room");',
    },
    "svelte": {
        "room.svelte": SVELTE,
        "main.js": 'import { mount } from "svelte"; import Room from "./room.svelte";'
        'mount(Room, { target: document.querySelector("#room") });',
    },
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A product and its chat server."""
    shop = Shop()
    # Svelte makes elements from markup: not under the policy of Trusted Types.
    shop.policy = shop.policy.partition("; require-trusted-types-for")[0]
    shop.serve()
    shop.chat = Server(tmp_path_factory.mktemp("chat"), ALLOWED_ORIGINS=shop.origin)
    shop.chat.start()
    yield shop
    shop.chat.close()
    shop.close()


HTML = """<!doctype html>
<title>A product</title>
<div id="room"></div>
<script type="module" src="bundle.js"></script>
"""


def build(folder: Path, name: str, address: str) -> None:
    """Bundle an application."""
    if not (HERE / "node_modules").exists():
        pytest.skip("npm is not installed")
    scope = folder / "node_modules" / "@parley"
    scope.mkdir(parents=True)
    (scope / "client").symlink_to(CLIENT)
    files = {"chat.js": CHAT.replace(SERVER, address), **APPLICATIONS[name]}
    for file, text in files.items():
        (folder / file).write_text(text, "utf-8")
    node = shutil.which("node")
    assert node is not None
    entry = next(folder / file for file in files if file.startswith("main."))
    command = [node, HERE / "build.mjs", entry, folder / "bundle.js"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    (folder / "index.html").write_text(HTML, "utf-8")


def opened(page: Page, shop: Shop, user: str) -> None:
    """Open the application as a new user."""
    shop.register(user)
    page.route("**/chat-token", lambda route: shop.give_token(route, user))
    page.goto(shop.origin)


@pytest.mark.parametrize("name", APPLICATIONS)
def test_two_users_talk_and_an_outage_loses_nothing(
    browser: Browser, shop: Shop, tmp_path: Path, name: str
) -> None:
    shop.chat.start()
    build(tmp_path, name, shop.chat.url)
    shop.folder = tmp_path
    ana, bo = browser.new_page(), browser.new_page()
    users = unique("ana"), unique("bo")
    for page, user in zip((ana, bo), users, strict=True):
        opened(page, shop, user)
    first, second = unique("first"), unique("second")

    write(ana, first)
    expect(bo.get_by_text(f"{users[0]}: {first}")).to_have_count(1)
    shop.chat.close()
    shop.chat.start()
    write(bo, second)
    for page in (ana, bo):
        expect(page.get_by_text(f"{users[1]}: {second}")).to_have_count(1, timeout=30_000)
        expect(page.get_by_text(first)).to_have_count(1)
    ana.reload()
    expect(ana.get_by_text(second)).to_have_count(1)

    for page in (ana, bo):
        page.context.close()


def write(page: Page, text: str) -> None:
    box = page.get_by_label("Message")
    box.fill(text)
    box.press("Enter")
    expect(box).to_have_value("", timeout=30_000)


@pytest.mark.parametrize("text", [REACT, VUE, SVELTE], ids=["react", "vue", "svelte"])
def test_a_component_is_short(text: str) -> None:
    assert len(text.strip().splitlines()) <= 22
