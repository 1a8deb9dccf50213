"""How much a browser loads before a user can log in."""

import pytest
from playwright.sync_api import Browser, Request, expect

from tests.web.conftest import Server
from tests.web.test_installation_in_browser import wait_for_worker

pytestmark = [pytest.mark.browser, pytest.mark.slow]

BUDGET_BYTES = 100 * 1024
"""With headers, as it is transferred, and with what the service worker loads."""


def test_the_first_load_is_small(browser: Browser, server: Server) -> None:
    server.start()
    context = browser.new_context()
    finished: list[Request] = []
    context.on("requestfinished", lambda request: finished.append(request))
    page = context.new_page()

    page.goto(server.url)
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    wait_for_worker(page)
    page.wait_for_load_state("networkidle")
    by_worker = [transferred(request) for request in finished if request.service_worker]
    by_page = [transferred(request) for request in finished if not request.service_worker]
    context.close()

    assert len(by_page) > 10
    # What the page has loaded, the worker finds in the browser's cache.
    assert 0 < sum(by_worker) < 5_000
    assert sum(by_page) + sum(by_worker) <= BUDGET_BYTES


def transferred(request: Request) -> int:
    """Bytes of the answer on the network; 0 if it came out of the browser's cache."""
    sizes = request.sizes()
    return sizes["responseHeadersSize"] + sizes["responseBodySize"]
