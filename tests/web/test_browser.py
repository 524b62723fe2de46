"""The status page in a real browser: readable by everybody, with scripts and without, within its policy."""

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, expect

from controlplane.application.views import StatusView
from tests.fakes.doors import NOTHING, FakeDoors
from tests.web.browsing import complaints, logged_in
from tests.web.pictures import DEGRADED, FROZEN, GOOD, hostile

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


async def test_it_works_without_scripts(browser: Browser, url: str, fakes: FakeDoors):
    """Without JavaScript everything is there, with a link that loads it anew."""
    page = await logged_in(browser, fakes, java_script_enabled=False)
    await page.goto(url)

    await expect(page.locator("#groups")).to_contain_text("checkout")
    await page.get_by_role("link", name="Reload").click()
    await expect(page.get_by_role("button")).to_have_text(["Log out"])
