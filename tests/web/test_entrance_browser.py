"""The way in and out in a real browser: by keyboard, without scripts, readable by everybody."""

import pytest
from playwright.async_api import Browser, Page, expect

from tests.fakes.doors import FakeDoors
from tests.fakes.people import PASSWORD
from tests.web.browsing import PATIENCE_MS, SCHEMES, complaints, no_violations

pytestmark = pytest.mark.browser


async def log_in_by_keyboard(page: Page, password: str = PASSWORD) -> None:
    """The name field has the focus; Tab leads to the password, Enter sends the form."""
    await expect(page.get_by_label("Name")).to_be_focused()
    await page.keyboard.type("a-operator")
    await page.keyboard.press("Tab")
    await page.keyboard.type(password)
    await page.keyboard.press("Enter")


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_everybody_can_read_the_log_in_and_its_refusal(browser: Browser, url: str, scheme: str):
    """No violation that axe knows and no sideways scroll, before a wrong password and after it."""
    page = await (await browser.new_context(color_scheme=scheme)).new_page()  # type: ignore[arg-type]
    heard = await complaints(page)
    await page.goto(f"{url}login")
    await no_violations(page)
    assert heard == []

    await log_in_by_keyboard(page, "a wrong password")

    await expect(page.get_by_role("alert")).to_have_text("Name or password is wrong.")
    await expect(page.get_by_label("Password")).to_be_focused()
    await expect(page.get_by_label("Password")).to_have_value("")
    await no_violations(page)


@pytest.mark.parametrize("scripts", [True, False])
async def test_in_to_the_wanted_page_and_out_by_keyboard(browser: Browser, url: str, *, scripts: bool):
    """With scripts and without: what a real browser says of its forms' origin is believed."""
    page = await (await browser.new_context(java_script_enabled=scripts)).new_page()
    await page.goto(f"{url}fleet?q=check")
    await log_in_by_keyboard(page)
    await expect(page).to_have_url(f"{url}fleet?q=check", timeout=PATIENCE_MS)
    await expect(page.locator(".visitor")).to_contain_text("a-operator")

    await page.get_by_role("button", name="Log out").focus()
    await page.keyboard.press("Enter")

    await expect(page).to_have_url(f"{url}login", timeout=PATIENCE_MS)
    await page.goto(url)
    await expect(page).to_have_url(f"{url}login")


async def test_a_form_that_another_site_sends_changes_nothing(browser: Browser, url: str, fakes: FakeDoors):
    """A page under another name posts to us in the visitor's own browser: no session goes with it."""
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(f"{url}login")
    await log_in_by_keyboard(page)
    await expect(page.locator(".visitor")).to_contain_text("a-operator", timeout=PATIENCE_MS)
    stranger = await context.new_page()
    await stranger.route(
        "http://evil.example/",
        lambda route: route.fulfill(
            content_type="text/html",
            body=f'<form method="post" action="{url}logout"><button>Win a prize</button></form>',
        ),
    )
    await stranger.goto("http://evil.example/")

    await stranger.get_by_role("button").click()

    await expect(stranger.locator("h1")).to_have_text("You are not logged in", timeout=PATIENCE_MS)
    await page.reload()
    await expect(page.locator(".visitor")).to_contain_text("a-operator")
