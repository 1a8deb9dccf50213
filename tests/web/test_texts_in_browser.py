"""Texts of every kind: shown as text, run as nothing, and no layout is broken."""

from itertools import product

import pytest
from playwright.sync_api import Page, expect

from tests.web.test_browser import PHONE, OpenPage, open_room, post_many, register

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(170)]

RUN = "window.ran=1"
MARKUP = (
    "<script>{run}</script>",
    "<img src=x onerror={run}>",
    "<svg onload={run}>",
    "<svg><animate onbegin={run} attributeName=x dur=1s>",
    "<body onpageshow={run}>",
    "<iframe srcdoc='<script>parent.{run}</script>'>",
    "<iframe src=javascript:{run}>",
    "<math><mtext><table><mglyph><style><img src=x onerror={run}>",
    "<details open ontoggle={run}>x",
    "<input autofocus onfocus={run}>",
    "<a href=javascript:{run}>x</a>",
    "<object data=javascript:{run}>",
    "<meta http-equiv=refresh content='0;url=javascript:{run}'>",
    "<template><script>{run}</script></template>",
    "<style>@import 'javascript:{run}'</style>",
    "<link rel=stylesheet href=javascript:{run}>",
)
CONTEXTS = ("{0}", '">{0}', "**{0}**", "`{0}`", "> {0}", "- {0}", "```\n{0}")
ADDRESSES = (
    "[x](javascript:{run})",
    "[x](JaVaScRiPt:{run})",
    "[x](java\tscript:{run})",
    "[x](\x01javascript:{run})",
    "[x](data:text/html,<script>{run}</script>)",
    "[x](vbscript:{run})",
    '[x](//example.org/" onmouseover="{run})',
    '[x](https://example.org/"onmouseover="{run})',
    'https://example.org/"onmouseover={run}',
    "https://example.org/'><img src=x onerror={run}>",
    "@bob<img src=x onerror={run}>",
    ":smile:<img src=x onerror={run}>",
)
CORPUS = [
    *(context.format(markup.format(run=RUN)) for markup, context in product(MARKUP, CONTEXTS)),
    *(address.format(run=RUN) for address in ADDRESSES),
]

WIDE = [
    "x" * 4_000,
    "https://example.org/" + "y" * 3_900,
    "`" + "z" * 3_990 + "`",
    "```\n" + "w" * 3_990 + "\n```",
    "> " * 20 + "q" * 3_900,
    "﷽" * 1_000,
    "\u202e" + "right to left, overridden " * 100,
    "\u2067" * 200 + "isolates that nothing ends",
    "א" * 4_000,
    "a" + "\u0301" * 3_999,
    "Z" + "\u0334\u0335\u0336\u0489" * 900,
    "\U0001f469\u200d" * 1_500,
    "ไ" * 4_000,
    "\u00a0" * 3_000 + ".",
    "\n" * 300 + ".",
    "\t" * 500 + ".",
    "\ufe0f" * 2_000 + "v",
]

_MADE = "els => [...new Set(els.map(el => el.localName))].sort()"
_HREFS = "els => els.map(el => el.protocol)"
_ATTRIBUTES = "els => els.flatMap(el => el.getAttributeNames().filter(n => n.startsWith('on')))"

# What reaches out of the log or the page sideways.
_BROKEN = """log => {
  const found = [];
  if (document.documentElement.scrollWidth > innerWidth) found.push("the page scrolls");
  if (log.scrollWidth > log.clientWidth) found.push("the log scrolls sideways");
  const { left, right } = log.getBoundingClientRect();
  for (const row of log.querySelectorAll("#messages > li")) {
    const box = row.getBoundingClientRect();
    if (box.left < left - 1 || box.right > right + 1) found.push("a row is too wide");
  }
  return found;
}"""


def texts_shown(page: Page, room: str, texts: list[str]) -> None:
    post_many(page, room, texts)
    post_many(page, room, ["the end"])
    expect(page.get_by_role("log").get_by_text("the end", exact=True).last).to_be_visible()


def test_markup_runs_nothing(open_page: OpenPage, room: str) -> None:
    assert len(CORPUS) >= 100
    page = open_room(register(open_page(), "ana"), room)
    # As many as are drawn at the same time.
    for start in range(0, len(CORPUS), 40):
        texts_shown(page, room, CORPUS[start : start + 40])
        made = page.locator("#messages .text *").evaluate_all(_MADE)
        assert set(made) <= {
            *("a", "blockquote", "code", "del", "em", "li", "ol", "p", "pre", "span", "strong"),
            "ul",
        }
        assert set(page.locator("#messages a").evaluate_all(_HREFS)) <= {"http:", "https:"}
        assert page.locator("#messages *").evaluate_all(_ATTRIBUTES) == []
        assert page.evaluate("window.ran") is None


@pytest.mark.parametrize("screen", [PHONE, {}], ids=["phone", "desktop"])
def test_long_and_odd_texts_break_no_layout(
    open_page: OpenPage, room: str, screen: dict[str, object]
) -> None:
    page = open_room(register(open_page(**screen), "ana"), room)

    texts_shown(page, room, WIDE)

    assert page.locator("#messages .text").count() == len(WIDE) + 1
    assert page.get_by_role("log").evaluate(_BROKEN) == []
