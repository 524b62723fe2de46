"""What tests in a real browser share: who is logged in, what the browser complains about, who can read."""

from typing import Any

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page

from tests.fakes.doors import FakeDoors

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
PATIENCE_MS = 30_000
SCHEMES = ("light", "dark")
WIDTHS = (390, 1280)


async def logged_in(browser: Browser, fakes: FakeDoors, role: str = "viewer", **options: Any) -> Page:
    """A page of a browser in which somebody of this role is logged in."""
    context = await browser.new_context(**options)
    cookies = fakes.people.cookies(role).items()
    await context.add_cookies(
        [{"name": name, "value": value, "domain": "127.0.0.1", "path": "/"} for name, value in cookies]
    )
    return await context.new_page()


async def complaints(page: Page) -> list[str]:
    """Collects what the browser complains about: policy, scripts, missing files."""
    heard: list[str] = []
    page.on("console", lambda message: heard.append(message.text))
    page.on("pageerror", lambda error: heard.append(str(error)))
    return heard


async def read_by_everybody(
    browser: Browser, fakes: FakeDoors, address: str, *, role: str = "viewer"
) -> None:
    """Without a violation that axe knows, a sideways scroll or a complaint: light, dark, narrow and wide."""
    for scheme in SCHEMES:
        page = await logged_in(browser, fakes, role, color_scheme=scheme)
        heard = await complaints(page)
        await page.goto(address)
        await no_violations(page)
        assert heard == []
        await page.context.close()


async def no_violations(page: Page) -> None:
    """The page as it stands, narrow and wide: nothing that axe knows, and no sideways scroll."""
    for width in WIDTHS:
        await page.set_viewport_size({"width": width, "height": 900})
        found = await Axe().run(page)
        assert found.violations_count == 0, f"{page.url}, {width} px: {found.generate_report()}"
        assert await page.evaluate("document.documentElement.scrollWidth") == width
