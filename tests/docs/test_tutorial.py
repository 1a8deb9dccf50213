"""The tutorial's shop, as it is written there, beside a server: two users talk in its page."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from time import monotonic

import pytest
from playwright.sync_api import Browser, expect

from tests.docs.pages import ROOT, blocks
from tests.docs.terminal import PATIENCE_SECONDS, Terminal
from tests.web.conftest import Server, browser, unique

pytestmark = [pytest.mark.sqlite_only]

# A fixture.
__all__ = ["browser"]

START, ADMIN, SHOP, HTML, RUN = blocks("docs/tutorial.md")
CHAT = "127.0.0.1:8000"
PORT = "9000"


def test_the_blocks_are_where_these_tests_expect_them() -> None:
    kinds = [block.language for block in (START, ADMIN, SHOP, HTML, RUN)]

    assert kinds == ["sh", "sh", "python", "html", "sh"]
    assert RUN.text == "python3 shop.py\n"
    assert len(SHOP.text.splitlines()) <= 40
    for text in (SHOP.text, HTML.text):
        assert CHAT in text


def administrator_token(data: Path) -> str:
    """What the commands of the tutorial print, on the data of the server."""
    env = {**os.environ, "DATA_DIR": str(data), "PYTHONPATH": str(ROOT)}
    parley = [sys.executable, "-m", "app"]
    password = "correct horse battery\n"
    adding = [*parley, "user", "add", "shopkeeper", "--admin", "--password-stdin"]
    subprocess.run(adding, env=env, input=password, text=True, check=True, capture_output=True)
    printing = [*parley, "token", "shopkeeper"]
    done = subprocess.run(printing, env=env, text=True, check=True, capture_output=True)
    return done.stdout.strip()


@pytest.mark.slow
@pytest.mark.browser
def test_two_users_talk_in_the_shop(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    chat = Server(tmp_path, ALLOWED_ORIGINS=f"http://127.0.0.1:{port}")
    chat.start()
    monkeypatch.setenv("PARLEY_TOKEN", administrator_token(tmp_path))
    for name, block in (("shop.py", SHOP), ("shop.html", HTML)):
        text = block.text.replace(CHAT, f"127.0.0.1:{chat.port}").replace(PORT, str(port))
        (tmp_path / name).write_text(text, "utf-8")
    shop = Terminal(sys.executable, "shop.py", cwd=tmp_path)
    context = browser.new_context()

    try:
        wait_for(port)
        anna, boris = context.new_page(), context.new_page()
        anna.goto(f"http://127.0.0.1:{port}/?user=anna")
        boris.goto(f"http://127.0.0.1:{port}/?user=boris")
        text = unique("hello")
        box = anna.get_by_label("Message", exact=True)
        box.fill(text)
        box.press("Enter")
        expect(boris.get_by_text(text)).to_be_visible(timeout=30_000)
        expect(boris.get_by_text("Anna").first).to_be_visible()
    finally:
        context.close()
        shop.stop()
        chat.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int) -> None:
    """Return when a server listens."""
    deadline = monotonic() + PATIENCE_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            assert monotonic() < deadline
