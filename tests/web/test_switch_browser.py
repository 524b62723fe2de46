"""Switches in a real browser: readable by everybody, flipped by keyboard alone, without scripts, and live."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from playwright.async_api import Browser, Page, expect

from controlplane.application.events import EventKind
from controlplane.application.switch_requests import FlipRequest, UndoRequest
from controlplane.application.switch_views import SwitchesView
from controlplane.domain.switches import Verb
from tests.fakes.doors import FakeDoors
from tests.web.browsing import PATIENCE_MS, complaints, logged_in, read_by_everybody
from tests.web.flip_pictures import BANNER, COMPLETE, NORMAL, SWITCHED, furnish, preview
from tests.web.pictures import AS_OF, GOOD
from tests.web.switch_pictures import CHECKOUT, FLIP, RECOMMENDATIONS

pytestmark = pytest.mark.browser

RECS = "switches/checkout/recommendations"
PATHS = (
    "switches",
    f"{RECS}?change=change-42",
    "switches/checkout/search-depth",
    f"{RECS}/flip?verb=degrade",
    "switches/checkout/limits/flip?verb=degrade&ends=other",
    f"{RECS}/review?verb=restore",
    f"{RECS}/undo/42",
    "switches/payments/drift/adopt",
)


@pytest.mark.parametrize("path", PATHS)
async def test_everybody_can_read_it(browser: Browser, url: str, fakes: FakeDoors, path: str):
    """Light and dark, narrow and wide, without a violation, a sideways scroll or a complaint."""
    await furnish(fakes)
    await read_by_everybody(browser, fakes, f"{url}{path}", role="operator")


async def pressed(page: Page, keys: Sequence[str]) -> None:
    for key in keys:
        await page.keyboard.press(key)


async def test_a_flip_is_done_by_keyboard_alone(browser: Browser, url: str, fakes: FakeDoors):
    """From the table over form and review to the page that shows what became of it."""
    await furnish(fakes)
    fakes.switches.previewed = preview(NORMAL, RECOMMENDATIONS)
    page = await logged_in(browser, fakes, "operator")
    await page.goto(f"{url}switches")
    await page.keyboard.press("/")
    await page.keyboard.type("recomm")
    await page.keyboard.press("Enter")
    await page.get_by_role("link", name="More ways to flip checkout/recommendations").focus()
    await page.keyboard.press("Enter")
    await page.get_by_role("radio", name="Restore Back").focus()
    await pressed(page, ["ArrowUp", "Tab"])
    await page.get_by_label("Why").focus()
    await page.keyboard.type("INC-9 shed load")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Degrade checkout/recommendations")
    await expect(page.get_by_label("Why")).to_be_focused()
    await pressed(page, ["Tab", "Enter"])

    await expect(page.get_by_role("heading", name="Your change")).to_be_visible()
    (asked,) = fakes.switches.asked
    assert isinstance(asked, FlipRequest)
    assert (asked.flip.verb, asked.flip.switch, asked.act.reason) == (
        Verb.DEGRADE,
        "recommendations",
        "INC-9 shed load",
    )


async def test_a_restore_takes_one_link_and_a_reason(browser: Browser, url: str, fakes: FakeDoors):
    """At three in the morning: Restore, why, Enter; and the same without scripts."""
    await furnish(fakes)
    for scripts in (True, False):
        page = await logged_in(browser, fakes, "operator", java_script_enabled=scripts)
        await page.goto(f"{url}switches")
        await page.get_by_role("link", name="Restore checkout/recommendations").click()
        await page.get_by_label("Why").fill("INC-9 is over")
        await page.get_by_label("Why").press("Enter")
        await expect(page.get_by_role("heading", name="Your change")).to_be_visible()
        await page.context.close()

    assert [one.act.reason for one in fakes.switches.asked] == ["INC-9 is over"] * 2


async def test_a_flip_works_without_scripts(browser: Browser, url: str, fakes: FakeDoors):
    """Filter, form, review, commit, undo: by links and forms alone; what does not belong is not shown."""
    await furnish(fakes)
    page = await logged_in(browser, fakes, "operator", java_script_enabled=False)
    await page.goto(f"{url}switches")
    await page.get_by_label("State").select_option("away")
    await page.get_by_role("button", name="Filter").click()
    await expect(page.get_by_role("row")).to_have_count(3)
    await page.get_by_role("link", name="checkout/recommendations", exact=True).click()
    await page.get_by_role("link", name="Degrade").click()
    await expect(page.get_by_label("For which share")).to_be_visible()
    await page.get_by_role("radio", name="Restore Back").check()
    await expect(page.get_by_label("For which share")).to_be_hidden()
    await page.get_by_label("Where").select_option("eu-west")
    await page.get_by_label("Why").fill("INC-9")
    await page.get_by_role("button", name="Review").click()
    await page.get_by_role("button", name="Restore").click()
    await page.goto(f"{url}{RECS}?change=change-42")
    await page.get_by_role("link", name="Undo", exact=True).click()
    await page.get_by_role("button", name="Undo").click()
    await expect(page.get_by_role("heading", name="Your change")).to_be_visible()

    flip, undo = fakes.switches.asked
    assert isinstance(flip, FlipRequest)
    assert (flip.flip.verb, flip.flip.regions) == (Verb.RESTORE, ("eu-west",))
    assert isinstance(undo, UndoRequest)
    assert (undo.revision, undo.act.reason) == (42, "undo of revision 42")


async def test_rows_are_narrowed_while_somebody_types(browser: Browser, url: str, fakes: FakeDoors):
    """The slash goes to the field; rows that do not fit go at once, and a word says when none is left."""
    await furnish(fakes)
    page = await logged_in(browser, fakes)
    heard = await complaints(page)
    await page.goto(f"{url}switches")
    rows = page.locator("tbody tr:visible")
    await expect(rows).to_have_count(6)
    await page.keyboard.press("/")
    await page.keyboard.type("DEPTH")
    await expect(rows).to_have_count(1)
    await page.keyboard.type("/zebra")
    await expect(page.get_by_text("Nothing on this page has this text.")).to_be_visible()
    await page.get_by_label("Text").fill("")

    await expect(rows).to_have_count(6)
    assert heard == []


async def test_a_change_is_watched_until_everybody_has_it(browser: Browser, url: str, fakes: FakeDoors):
    """Published, applied, confirmed: the page of the switch follows without a reload."""
    await furnish(fakes)
    page = await logged_in(browser, fakes, "operator")
    await page.goto(f"{url}{RECS}?change=change-42")
    await expect(page.locator("#live")).to_have_text("live", timeout=PATIENCE_MS)
    life = page.locator("#life")
    await expect(life).to_contain_text("applied 12 of 15")
    await expect(life).to_contain_text("checkout-us-east-2")

    fakes.queries.picture = replace(GOOD, confirmations=(COMPLETE,))
    fakes.events.publish(EventKind.CONFIRMATION, "switches/checkout", {"confirmed": 15})

    await expect(life).to_contain_text("applied 15 of 15", timeout=PATIENCE_MS)
    await expect(life).to_contain_text("in 1.2 s")
    await expect(page.locator("#readers")).to_contain_text("15 of 15")


async def test_a_flip_of_somebody_else_appears_in_the_table(browser: Browser, url: str, fakes: FakeDoors):
    """A document that changes brings its rows up to date, and what was narrowed stays narrowed."""
    await furnish(fakes)
    page = await logged_in(browser, fakes)
    await page.goto(f"{url}switches")
    await expect(page.locator("#live")).to_have_text("live", timeout=PATIENCE_MS)
    await page.get_by_label("Text").fill("banner")
    await expect(page.locator("tbody tr:visible")).to_have_count(2)

    held = replace(BANNER, state="degraded", value="", changed=replace(FLIP, by="bob"))
    fakes.switches.picture = SwitchesView(
        AS_OF, (replace(SWITCHED, revision=43, switches=(held, *SWITCHED.switches[1:])),)
    )
    fakes.events.publish(EventKind.DOCUMENT, "switches/checkout", {"revision": 43})

    await expect(page.locator("tbody tr:visible").first).to_contain_text("bob", timeout=PATIENCE_MS)
    await expect(page.locator("tbody tr:visible")).to_have_count(2)


async def test_a_table_of_many_is_narrowed_quickly(browser: Browser, url: str, fakes: FakeDoors):
    """A hundred rows are on the page, and typing hides all but one of them."""
    await furnish(fakes)
    many = tuple(replace(BANNER, name=f"banner-{number:03}") for number in range(500))
    fakes.switches.picture = SwitchesView(AS_OF, (replace(CHECKOUT, switches=many),))
    page = await logged_in(browser, fakes)
    await page.goto(f"{url}switches")
    await expect(page.locator("tbody tr:visible")).to_have_count(100)
    await page.get_by_label("Text").fill("banner-042")

    await expect(page.locator("tbody tr:visible")).to_have_count(1)
