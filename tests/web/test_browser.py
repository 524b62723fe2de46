"""The status page in a real browser: readable by everybody, current by itself, within its policy."""

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, expect

from controlplane.api.app import create_app
from controlplane.application.views import StatusView
from controlplane.console.app import console_routes
from tests.fakes.clock import FakeClock
from tests.fakes.doors import NOTHING, FakeDoors
from tests.web.browsing import PATIENCE_MS, complaints, logged_in
from tests.web.pictures import DEGRADED, FROZEN, GOOD, hostile
from tests.web.serving import served

pytestmark = pytest.mark.browser

WIDTHS = (390, 768, 1280, 1920)
LONG = "a-very-long-name-without-any-place-to-break-" * 6
PICTURES = {"good": GOOD, "degraded": DEGRADED, "frozen": FROZEN, "empty": NOTHING, "long": hostile(LONG)}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("picture", PICTURES.values(), ids=PICTURES)
async def test_everybody_can_read_it(
    browser: Browser, url: str, fakes: FakeDoors, picture: StatusView, scheme: str
):
    """Without a violation that axe knows, without a sideways scroll, without a complaint, at every width."""
    fakes.queries.picture = picture
    page = await logged_in(browser, fakes, color_scheme=scheme)
    heard = await complaints(page)

    for width in WIDTHS:
        await page.set_viewport_size({"width": width, "height": 900})
        await page.goto(url)
        found = await Axe().run(page)
        assert found.violations_count == 0, f"{width} px: {found.generate_report()}"
        assert await page.evaluate("document.documentElement.scrollWidth") == width

    assert heard == []


async def test_it_stays_current_by_itself(browser: Browser, url: str, fakes: FakeDoors):
    """A change shows without a reload, and the title counts what is wrong."""
    page = await logged_in(browser, fakes)
    await page.goto(url)
    await expect(page.locator("#summary")).to_contain_text("Nothing needs attention")

    fakes.queries.picture = DEGRADED

    await expect(page.locator("#summary")).to_contain_text("9 things", timeout=PATIENCE_MS)
    await expect(page.locator("#findings")).to_contain_text("blocked")
    await expect(page).to_have_title("(9) Now · controlplane")


async def test_it_can_be_held(browser: Browser, url: str, fakes: FakeDoors):
    """A person stops the updates and starts them again; while stopped the page says so."""
    page = await logged_in(browser, fakes)
    await page.goto(url)
    await page.get_by_role("button", name="Pause").click()
    await expect(page.locator("#live")).to_have_text("paused")
    fakes.queries.picture = DEGRADED
    await page.wait_for_timeout(3_000)
    await expect(page.locator("#summary")).to_contain_text("Nothing needs attention")

    await page.get_by_role("button", name="Go on").click()

    await expect(page.locator("#summary")).to_contain_text("9 things", timeout=PATIENCE_MS)


async def test_silence_is_told(browser: Browser, fakes: FakeDoors):
    """When the control plane goes away the page says that it is not current, and keeps what it has."""
    pages = console_routes(fakes.doors(), clock=FakeClock())
    app = create_app(fakes.doors(), clock=FakeClock(), public_url="http://localhost", pages=pages)
    page = await logged_in(browser, fakes)
    async with served(app) as address:
        await page.goto(f"{address}/")

    await expect(page.locator("#live")).to_have_text("reconnecting", timeout=PATIENCE_MS)
    await expect(page.locator("#groups")).to_contain_text("checkout")


async def test_an_update_moves_neither_focus_nor_scroll(browser: Browser, url: str, fakes: FakeDoors):
    """Whoever walks the page by keyboard, or has scrolled the groups sideways, stays where they are."""
    page = await logged_in(browser, fakes, viewport={"width": 800, "height": 900})
    await page.goto(url)
    groups = page.get_by_role("region", name="Groups by region")
    await groups.focus()
    await groups.evaluate("element => { element.scrollLeft = 50; }")

    fakes.queries.picture = DEGRADED

    await expect(page.locator("#groups")).to_contain_text("blocked", timeout=PATIENCE_MS)
    await expect(groups).to_be_focused()
    assert await groups.evaluate("element => element.scrollLeft") == 50


async def test_it_works_without_scripts(browser: Browser, url: str, fakes: FakeDoors):
    """Without JavaScript everything is there, with a link that loads it anew."""
    page = await logged_in(browser, fakes, java_script_enabled=False)
    await page.goto(url)

    await expect(page.locator("#groups")).to_contain_text("checkout")
    await page.get_by_role("link", name="Reload").click()
    await expect(page.get_by_role("button")).to_have_text(["Log out"])
