"""
Renders the PNG icons of the web client from its SVG files, with Chromium.

    python -m tests.web.icons

writes them to ``app/web/icons``. A test compares them with what this renders.
"""

from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

WEB = Path(__file__).parents[2] / "app" / "web"
CHROMIUM = Path("/usr/bin/chromium")

ICONS = {
    "icons/180.png": ("icons/maskable.svg", 180),
    "icons/192.png": ("icon.svg", 192),
    "icons/512.png": ("icon.svg", 512),
    "icons/maskable-512.png": ("icons/maskable.svg", 512),
}
"""By file: what it is made of, and its width and height in pixels."""


def render(browser: Browser, source: str, size: int) -> bytes:
    """Return an SVG file as a square PNG with a transparent background."""
    page = browser.new_page(viewport={"width": size, "height": size})
    svg = (WEB / source).read_text("utf-8").replace("<svg ", f'<svg width="{size}" ', 1)
    page.set_content(f"<style>body {{ margin: 0 }} svg {{ display: block }}</style>{svg}")
    try:
        return page.screenshot(omit_background=True)
    finally:
        page.close()


def main() -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        for name, (source, size) in ICONS.items():
            (WEB / name).write_bytes(render(browser, source, size))
        browser.close()


if __name__ == "__main__":
    main()
