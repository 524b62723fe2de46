"""The pages of failover groups in a real browser: readable, live, moved by keyboard and without scripts."""

import pytest
from playwright.async_api import Browser, Page, expect

from controlplane.application.events import EventKind
from controlplane.application.results import MoveRequest
from tests.fakes.doors import FakeDoors
from tests.web.browsing import PATIENCE_MS, complaints, logged_in, no_violations, read_by_everybody
from tests.web.group_pictures import CHECKOUT_MOVED, REFUSED, STAYED, TROUBLED, plan, record, remember

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(
    "path",
    [
        "groups",
        "groups/shop",
        "groups/catalog",
        "groups/checkout/move?to=ap-south",
        "groups/catalog/drift?policy=adopt",
        "restraints/start?scope=fleet",
        "restraints/end?scope=group&name=catalog",
    ],
)
async def test_everybody_can_read_them(browser: Browser, url: str, fakes: FakeDoors, path: str):
    """Without a violation that axe knows, a sideways scroll or a complaint: light, dark, narrow and wide."""
    fakes.queries.picture = TROUBLED
    await remember(fakes, record(16, name="shop"), record(17, name="shop"), stays=(REFUSED, STAYED))

    await read_by_everybody(browser, fakes, f"{url}{path}", role="operator")


async def reviewed(page: Page, url: str) -> None:
    """Choose where to and why, by keyboard alone, up to the plan."""
    await page.goto(f"{url}groups/checkout")
    await page.get_by_role("link", name="Move", exact=True).focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Move checkout", exact=True)).to_be_visible()
    await page.get_by_role("radio").first.focus()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Tab")
    await expect(page.get_by_label("Why")).to_be_focused()
    await page.keyboard.type("INC-4821 drain us-east")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Move checkout to")).to_be_visible()


async def test_a_move_by_keyboard_alone(browser: Browser, url: str, fakes: FakeDoors):
    """From the group to its move and back, overriding a gate by its box, without a pointer."""
    fakes.operations.plans = {"checkout": plan(failing=["target_healthy"])}
    page = await logged_in(browser, fakes, "operator")
    heard = await complaints(page)
    await reviewed(page, url)

    await page.get_by_role("checkbox", name="Move although target_healthy fails").focus()
    await page.keyboard.press("Space")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("button", name="Move to ap-south")).to_be_focused()
    fakes.queries.picture = CHECKOUT_MOVED
    await page.keyboard.press("Enter")

    await expect(page).to_have_url(f"{url}groups/checkout?change=change-1", timeout=PATIENCE_MS)
    await expect(page.get_by_role("region", name="The last change")).to_contain_text("published")
    (asked,) = fakes.operations.asked
    assert isinstance(asked, MoveRequest)
    assert (asked.target, asked.overrides) == ("ap-south", ("target_healthy",))
    assert heard == []


async def test_a_review_is_readable_by_everybody(browser: Browser, url: str, fakes: FakeDoors):
    """The page before the act, with everything it can show, has no violation that axe knows."""
    fakes.operations.plans = {"checkout": plan(failing=["target_healthy"])}
    for scheme in ("light", "dark"):
        page = await logged_in(browser, fakes, "operator", color_scheme=scheme)
        await reviewed(page, url)
        await page.get_by_role("button", name="Move to ap-south").click()
        await expect(page.get_by_role("alert")).to_contain_text("Not passed: target_healthy")
        await no_violations(page)


async def test_a_move_without_scripts(browser: Browser, url: str, fakes: FakeDoors):
    """Without JavaScript a person reads, moves, and sees what became of it."""
    fakes.operations.plans = {"checkout": plan()}
    page = await logged_in(browser, fakes, "operator", java_script_enabled=False)
    await page.goto(f"{url}groups/checkout")
    await page.get_by_role("link", name="Move", exact=True).click()
    await page.get_by_role("radio", name="ap-south").check()
    await page.get_by_label("Why").fill("INC-1")
    await page.get_by_role("button", name="Look at the plan").click()
    await page.get_by_role("button", name="Move to ap-south").click()

    await expect(page).to_have_url(f"{url}groups/checkout?change=change-1")
    assert len(fakes.operations.asked) == 1


async def test_a_move_is_watched_live(browser: Browser, url: str, fakes: FakeDoors):
    """The page of a group becomes current by itself: state, life and confirmation."""
    page = await logged_in(browser, fakes)
    await page.goto(f"{url}groups/checkout")
    await expect(page.locator("#state")).to_contain_text("steady")

    await expect(page.locator("#live")).to_contain_text("live", timeout=PATIENCE_MS)
    fakes.queries.picture = CHECKOUT_MOVED
    fakes.events.publish(EventKind.GROUP, "checkout", {"state": "cooldown"})

    await expect(page.locator("#state")).to_contain_text("cooldown", timeout=PATIENCE_MS)
    await expect(page.locator("#life")).to_contain_text("by 30 of 30 instances")
