"""How much a browser loads before a user can log in."""

import pytest
from playwright.sync_api import Browser, expect

from tests.web.conftest import Server

pytestmark = [pytest.mark.browser, pytest.mark.slow]

BUDGET_BYTES = 100 * 1024
"""With headers, as it is transferred."""


def test_the_first_load_is_small(browser: Browser, server: Server) -> None:
    server.start()
    context = browser.new_context()
    page = context.new_page()
    network = context.new_cdp_session(page)
    network.send("Network.enable")
    sizes: list[float] = []
    network.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))

    page.goto(server.url)
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    page.wait_for_load_state("networkidle")
    context.close()

    assert len(sizes) > 10
    assert sum(sizes) <= BUDGET_BYTES
