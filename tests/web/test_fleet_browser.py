"""The pages of the fleet in a real browser."""

import pytest
from playwright.async_api import Browser, expect

from tests.fakes.doors import FakeDoors
from tests.web.browsing import logged_in, read_by_everybody
from tests.web.fleet_pictures import furnish

pytestmark = pytest.mark.browser

PAST = "from=2026-01-12T09:25&to=2026-01-12T09:30"
PATHS = ("fleet", f"fleet/checkout?{PAST}", f"instances/checkout-us-1?{PAST}", "search?q=checkout")


@pytest.mark.parametrize("path", PATHS)
async def test_everybody_can_read_it(browser: Browser, url: str, fakes: FakeDoors, path: str):
    """Light and dark, narrow and wide, without a violation, a sideways scroll or a complaint."""
    await furnish(fakes)
    await read_by_everybody(browser, fakes, f"{url}{path}")


async def test_it_works_without_scripts(browser: Browser, url: str, fakes: FakeDoors):
    """From the fleet to a service, to an instance, to its numbers, by links and forms alone."""
    await furnish(fakes)
    page = await logged_in(browser, fakes, java_script_enabled=False)
    await page.goto(f"{url}fleet")
    await page.get_by_role("link", name="checkout", exact=True).first.click()
    await page.get_by_role("link", name="checkout-us-1").click()
    await page.get_by_role("textbox", name="from").fill("2026-01-12T09:25")
    await page.get_by_role("textbox", name="to").fill("2026-01-12T09:30")
    await page.get_by_role("button", name="Show").click()
    await page.get_by_text("The same as a table").click()

    await expect(page.get_by_role("cell", name="ok: 1, timeout: 1")).to_be_visible()


async def test_names_are_found_by_keyboard(browser: Browser, url: str, fakes: FakeDoors):
    """From the search field of any page to an instance, without a mouse."""
    await furnish(fakes)
    page = await logged_in(browser, fakes)
    await page.goto(f"{url}fleet")
    await page.get_by_role("searchbox", name="Find a service, group").focus()
    await page.keyboard.type("us-1")
    await page.keyboard.press("Enter")
    await page.get_by_role("link", name="checkout-us-1").focus()
    await page.keyboard.press("Enter")

    await expect(page.get_by_role("heading", level=1)).to_have_text("checkout-us-1")
