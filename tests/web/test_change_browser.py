"""The pages of history in a real browser: readable by everybody, searched without scripts, saved."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.fakes.doors import FakeDoors
from tests.web.browsing import logged_in, read_by_everybody
from tests.web.group_pictures import CHECKOUT_MOVED, REFUSED, STAYED, record, remember

pytestmark = pytest.mark.browser

ALL = "from=2026-01-12T00:00&to=2026-01-13T00:00"


@pytest.fixture
async def past(fakes: FakeDoors) -> FakeDoors:
    """Some moves, by two authors, and why there were no others."""
    fakes.queries.picture = CHECKOUT_MOVED
    await remember(
        fakes, record(16), record(17, by="alice", reason="INC-4821 drain"), stays=(REFUSED, STAYED)
    )
    return fakes


@pytest.mark.parametrize("path", [f"changes?{ALL}", "changes/failover/checkout/17", "changes/evaluations/1"])
async def test_everybody_can_read_them(browser: Browser, url: str, past: FakeDoors, path: str):
    """Without a violation that axe knows, a sideways scroll or a complaint: light, dark, narrow and wide."""
    await read_by_everybody(browser, past, f"{url}{path}")


async def test_history_is_searched_without_scripts(
    browser: Browser, url: str, past: FakeDoors, tmp_path: Path
):
    """Without JavaScript a person narrows history, opens a change, and saves what was found."""
    page = await logged_in(browser, past, java_script_enabled=False)
    await page.goto(f"{url}changes?{ALL}")
    await page.get_by_label("By", exact=True).fill("alice")
    await page.get_by_label("What").select_option("changes")
    await page.get_by_role("button", name="Search").click()
    await expect(page.locator("#found li")).to_have_count(1)

    async with page.expect_download() as saved:
        await page.get_by_role("link", name="Export CSV").click()
    await (await saved.value).save_as(tmp_path / "changes.csv")
    assert (tmp_path / "changes.csv").read_text().count("INC-4821") == 1

    await page.get_by_role("link", name="checkout", exact=True).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("checkout eu-west → ap-south")
