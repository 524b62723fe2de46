"""A flip from the browser on real processes: watched until all confirm, and lost to whoever was first."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.fixtures.consul import ConsulAccess
from tests.scenarios.plane import Plane
from tests.scenarios.readers import demo_fleet
from tests.scenarios.scene import running
from tests.scenarios.waiting import PATIENCE_SECONDS, eventually
from tests.web.browsing import CHROMIUM, FLAGS

pytestmark = [pytest.mark.services, pytest.mark.browser]

PASSWORD = "correct horse battery"
PATIENCE_MS = PATIENCE_SECONDS * 1000
SWITCH = "switches/checkout/recommendations"


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()


async def person(browser: Browser, plane: Plane, name: str) -> Page:
    """Somebody who has logged in with a name of their own."""
    headers = {"Authorization": f"Bearer {plane.runtime.token}"}
    async with httpx.AsyncClient(base_url=plane.api, headers=headers, trust_env=False) as http:
        body = {"role": "operator", "password": PASSWORD}
        answer = await http.put(f"/api/v1/users/{name}", json=body)
    assert answer.status_code == 200, answer.text
    page = await (await browser.new_context(base_url=plane.api)).new_page()
    page.set_default_timeout(PATIENCE_MS)
    await page.goto(f"/login?next=/{SWITCH}")
    await page.get_by_label("Name").fill(name)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("recommendations", timeout=PATIENCE_MS)
    return page


async def reviewed(page: Page, reason: str) -> None:
    """From the switch to the review of degrading it."""
    await page.get_by_role("link", name="Degrade").click()
    await page.get_by_label("Why").fill(reason)
    await page.get_by_role("button", name="Review").click()
    await expect(page.get_by_text("Concerns 15 of 15 instances, in 3 regions")).to_be_visible()


async def commit(page: Page) -> None:
    await page.get_by_role("button", name="Degrade", exact=True).click()


async def is_confirmed(page: Page, revision: int) -> None:
    life = page.locator("#life")
    await expect(life).to_contain_text(f"revision {revision} is in force", timeout=PATIENCE_MS)
    await expect(life).to_contain_text("applied 15 of 15", timeout=PATIENCE_MS)


async def test_a_flip_is_watched_until_all_confirm_and_the_second_person_is_told(
    consul: ConsulAccess, postgres_url: str, tmp_path: Path
):
    """Alice commits first: Bob sees it happen, is told of her by name, commits on top of it and undoes it."""
    plane = Plane(tmp_path / "plane", consul=consul.address, prefix=consul.prefix, database=postgres_url)
    async with demo_fleet(tmp_path / "fleet", consul) as fleet, running(plane), chromium() as browser:
        await plane.apply(fleet)
        await eventually(lambda: plane.switches("checkout"), lambda shown: shown["revision"] == 1)
        alice, bob = await person(browser, plane, "alice"), await person(browser, plane, "bob")
        watching = await bob.context.new_page()
        await watching.goto(f"/{SWITCH}")
        await reviewed(alice, "INC-1 shed load")
        await reviewed(bob, "INC-1 shed load, too")
        await commit(alice)
        await is_confirmed(alice, 2)
        await expect(watching.locator("#in-force")).to_contain_text("INC-1 shed load", timeout=PATIENCE_MS)
        await expect(watching.locator("#readers")).to_contain_text("15 of 15", timeout=PATIENCE_MS)

        await commit(bob)
        await expect(bob.get_by_role("alert")).to_contain_text(
            "Somebody else was first; nothing has changed."
        )
        await expect(bob.get_by_role("alert")).to_contain_text("alice changed recommendations")
        await expect(bob.get_by_label("Why")).to_have_value("INC-1 shed load, too")
        await commit(bob)
        await is_confirmed(bob, 3)
        await bob.get_by_role("link", name="Undo", exact=True).first.click()
        await bob.get_by_role("button", name="Undo").click()
        await is_confirmed(bob, 4)
        switches = (await plane.switches("checkout"))["switches"]

    (found,) = (one for one in switches if one["name"] == "recommendations")
    assert (found["state"], found["changed"]["by"]) == ("degraded", "bob")
    assert (found["changed"]["kind"], found["changed"]["reason"]) == ("rollback", "undo of revision 3")
