"""Pages that stay current by themselves, in a real browser: what happens is on screen, nothing gets lost."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from fastapi import FastAPI
from playwright.async_api import Browser, BrowserContext, Page, expect

from controlplane.api.app import create_app
from controlplane.api.server import open_listener, serve_app
from controlplane.application.events import EventHub, EventKind
from controlplane.console.app import console_routes
from tests.fakes.clock import FakeClock
from tests.fakes.doors import FakeDoors
from tests.web.browsing import PATIENCE_MS, logged_in
from tests.web.pictures import DEGRADED, GOOD
from tests.web.serving import end_streams

pytestmark = pytest.mark.browser

QUIET, TROUBLE = "Nothing needs attention", "9 things"


class Restarting:
    """A control plane on one address that can be stopped and started again."""

    def __init__(self, fakes: FakeDoors) -> None:
        self._fakes = fakes
        self._port = 0
        self._stop = asyncio.Event()
        self._serving: asyncio.Task[None] | None = None
        self.app: FastAPI | None = None

    async def start(self) -> str:
        """Serve with a hub of its own, as a new process has; answers the address."""
        fakes = self._fakes
        fakes.events = EventHub(f"01H{id(object())}", FakeClock())
        pages = console_routes(fakes.doors(), clock=FakeClock())
        self.app = create_app(fakes.doors(), clock=FakeClock(), public_url="http://localhost", pages=pages)
        listener = open_listener("127.0.0.1", self._port)
        self._port = listener.getsockname()[1]
        self._stop = asyncio.Event()
        self._serving = asyncio.create_task(serve_app(self.app, listener=listener, stop=self._stop))
        return f"http://127.0.0.1:{self._port}/"

    async def stop(self) -> None:
        """End it as its owner would."""
        assert self.app is not None
        assert self._serving is not None
        end_streams(self.app)
        self._stop.set()
        await self._serving


@pytest.fixture
async def plane(fakes: FakeDoors) -> AsyncIterator[Restarting]:
    plane = Restarting(fakes)
    yield plane
    await plane.stop()


def trouble(fakes: FakeDoors) -> None:
    """The picture changes, and the control plane tells it as it would."""
    fakes.queries.picture = DEGRADED
    fakes.events.publish(EventKind.GROUP, "checkout", {"state": "blocked"})


async def live(page: Page) -> None:
    """Wait until a page follows events."""
    await expect(page.locator("#live")).to_have_text("live", timeout=PATIENCE_MS)


async def readers(fakes: FakeDoors, count: int) -> None:
    """Wait until so many streams are open."""
    async with asyncio.timeout(PATIENCE_MS / 1000):
        while len(fakes.events.readers) != count:  # noqa: ASYNC110 - it is a browser that acts
            await asyncio.sleep(0.02)


async def test_what_happens_is_on_screen_without_a_reload(
    browser: Browser, plane: Restarting, fakes: FakeDoors
):
    """In every tab, with the title, and said once to those who cannot see it."""
    url = await plane.start()
    first = await logged_in(browser, fakes)
    second = await first.context.new_page()
    for page in (first, second):
        await page.goto(url)
        await live(page)
    await first.evaluate("window.isTheSame = true")

    trouble(fakes)

    for page in (first, second):
        await expect(page.locator("#summary")).to_contain_text(TROUBLE, timeout=PATIENCE_MS)
        await expect(page).to_have_title("(9) Now · controlplane")
        await expect(page.locator("#said")).to_contain_text(TROUBLE)
    assert await first.evaluate("window.isTheSame")


async def test_nothing_is_asked_for_while_nothing_concerns_the_page(
    browser: Browser, plane: Restarting, fakes: FakeDoors
):
    """Silence costs nothing, and neither does what the page does not show."""
    url = await plane.start()
    page = await logged_in(browser, fakes)
    asked: list[str] = []
    await page.goto(f"{url}groups/checkout")
    await live(page)
    await page.wait_for_load_state("networkidle")
    page.on("request", lambda request: asked.append(request.url))
    fakes.events.publish(EventKind.CONFIRMATION, "switches/payments", {"confirmed": 8})
    fakes.events.publish(EventKind.REGISTRY, "", {"revision": 8})
    await page.wait_for_timeout(1_000)

    assert asked == []


async def test_a_person_can_hold_it(browser: Browser, plane: Restarting, fakes: FakeDoors):
    """Held, the page says so, keeps what it has and costs no stream; then it is current again."""
    url = await plane.start()
    page = await logged_in(browser, fakes)
    await page.goto(url)
    await live(page)
    await page.get_by_role("button", name="Pause").click()
    await expect(page.locator("#live")).to_have_text("paused")
    await readers(fakes, 0)
    trouble(fakes)
    await page.wait_for_timeout(500)
    await expect(page.locator("#summary")).to_contain_text(QUIET)
    await expect(page.get_by_role("link", name="Reload")).to_be_visible()

    await page.get_by_role("button", name="Go on").click()

    await expect(page.locator("#summary")).to_contain_text(TROUBLE, timeout=PATIENCE_MS)
    await live(page)


async def test_a_restart_loses_nothing(browser: Browser, plane: Restarting, fakes: FakeDoors):
    """The page says that it is reconnecting; what happened meanwhile is there when it is back."""
    url = await plane.start()
    page = await logged_in(browser, fakes)
    await page.goto(url)
    await live(page)
    await plane.stop()
    await expect(page.locator("#live")).to_have_text("reconnecting", timeout=PATIENCE_MS)
    await expect(page.locator("#groups")).to_contain_text("checkout")
    fakes.queries.picture = DEGRADED

    await plane.start()

    await expect(page.locator("#summary")).to_contain_text(TROUBLE, timeout=PATIENCE_MS)
    await live(page)
    fakes.queries.picture = GOOD
    fakes.events.publish(EventKind.GROUP, "checkout", {"state": "steady"})
    await expect(page.locator("#summary")).to_contain_text(QUIET, timeout=PATIENCE_MS)


async def test_a_hidden_tab_follows_nothing(browser: Browser, plane: Restarting, fakes: FakeDoors):
    """Its stream is closed; when it is looked at again it is current at once."""
    url = await plane.start()
    page = await logged_in(browser, fakes)
    await page.goto(url)
    await live(page)
    await readers(fakes, 1)

    await hide(page, hidden=True)
    await readers(fakes, 0)
    trouble(fakes)
    await hide(page, hidden=False)

    await expect(page.locator("#summary")).to_contain_text(TROUBLE, timeout=PATIENCE_MS)
    await readers(fakes, 1)


async def hide(page: Page, *, hidden: bool) -> None:
    """What the browser tells a page whose tab is left or looked at."""
    await page.evaluate(
        "hidden => { Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });"
        " document.dispatchEvent(new Event('visibilitychange')); }",
        hidden,
    )


async def test_the_end_of_a_session_is_told(browser: Browser, plane: Restarting, fakes: FakeDoors):
    """The page keeps what it has, says that it ended and asks no more."""
    url = await plane.start()
    page = await logged_in(browser, fakes)
    await page.goto(url)
    await live(page)
    await forget_session(page.context)
    trouble(fakes)

    await expect(page.locator("#live")).to_contain_text("log in", timeout=PATIENCE_MS)
    await expect(page.locator("#summary")).to_contain_text(QUIET)
    await expect(page.get_by_role("link", name="Reload")).to_be_visible()
    await readers(fakes, 0)


async def forget_session(context: BrowserContext) -> None:
    """As if it had run out."""
    await context.clear_cookies()


async def test_an_update_moves_neither_focus_nor_scroll(
    browser: Browser, plane: Restarting, fakes: FakeDoors
):
    """Whoever walks the page by keyboard, or has scrolled the groups sideways, stays where they are."""
    url = await plane.start()
    page = await logged_in(browser, fakes, viewport={"width": 800, "height": 900})
    await page.goto(url)
    await live(page)
    groups = page.get_by_role("region", name="Groups by region")
    await groups.focus()
    await groups.evaluate("element => { element.scrollLeft = 50; }")

    trouble(fakes)

    await expect(page.locator("#groups")).to_contain_text("blocked", timeout=PATIENCE_MS)
    await expect(groups).to_be_focused()
    assert await groups.evaluate("element => element.scrollLeft") == 50


FORM = """
<ul id="probe" data-part>
  <li id="one"><a href="#a">one</a></li>
  <li><details><summary>more</summary><p>text</p></details></li>
  <li><input name="reason" aria-label="reason" value=""></li>
</ul>
"""


async def test_parts_change_in_place(browser: Browser, plane: Restarting, fakes: FakeDoors):
    """Rows come and go around the one that has the focus; what is unfolded stays unfolded."""
    page, outcome = await aligned(
        browser,
        plane,
        fakes,
        before="document.querySelector('#one a').focus(); document.querySelector('details').open = true;",
        change="fresh.innerHTML = '<li id=zero>zero</li>' + fresh.innerHTML.replace('text', 'other words');",
    )

    assert outcome == ["zero", "one"]
    await expect(page.locator("#one a")).to_be_focused()
    await expect(page.locator("#probe details p")).to_be_visible()
    await expect(page.locator("#probe details p")).to_have_text("other words")


async def test_what_somebody_types_is_left_alone(browser: Browser, plane: Restarting, fakes: FakeDoors):
    """A part with a field that was changed waits until the person is done."""
    page, outcome = await aligned(
        browser,
        plane,
        fakes,
        before="document.querySelector('#probe input').value = 'INC-4';",
        change="fresh.innerHTML = '<li id=\"gone\">gone</li>';",
    )

    assert outcome == ["one", ""]
    await expect(page.locator("#probe input")).to_have_value("INC-4")


async def test_the_focus_stays_near_what_vanished(browser: Browser, plane: Restarting, fakes: FakeDoors):
    """Where the focused row is gone the part has the focus, and the keyboard goes on from there."""
    page, outcome = await aligned(
        browser,
        plane,
        fakes,
        before="document.querySelector('#one a').focus();",
        change="fresh.querySelector('#one').remove();",
    )

    assert outcome[0] == ""
    await expect(page.locator("#probe")).to_be_focused()


async def aligned(
    browser: Browser, plane: Restarting, fakes: FakeDoors, *, before: str, change: str
) -> tuple[Page, list[str]]:
    """A page with a part of a test's own that was changed by script; answers the ids of its first rows."""
    url = await plane.start()
    page = await logged_in(browser, fakes)
    await page.goto(url)
    await live(page)
    await page.get_by_role("button", name="Pause").click()
    script = f"""async form => {{
        document.querySelector('main').insertAdjacentHTML('beforeend', form);
        {before}
        const {{ align }} = await import('/static/parts.js');
        const page = new DOMParser().parseFromString(form, 'text/html');
        const fresh = page.querySelector('#probe');
        {change}
        align(page);
        return [...document.querySelectorAll('#probe > li')].slice(0, 2).map(row => row.id);
    }}"""
    rows: list[str] = await page.evaluate(script, FORM)
    return page, rows


async def test_without_streams_the_page_is_still_a_page(
    browser: Browser, plane: Restarting, fakes: FakeDoors
):
    """A browser that knows no events shows the link to reload, and nothing that does not work."""
    url = await plane.start()
    page = await logged_in(browser, fakes)
    await page.add_init_script("delete window.EventSource")
    await page.goto(url)

    await expect(page.get_by_role("link", name="Reload")).to_be_visible()
    await expect(page.get_by_role("button", name="Pause")).to_have_count(0)


async def test_a_full_house_is_no_reason_to_go_stale(browser: Browser, plane: Restarting, fakes: FakeDoors):
    """Where no stream is to be had the page says that it is not live, and asks by itself."""
    url = await plane.start()
    others = [fakes.events.open(None, ()) for _ in range(256)]
    page = await logged_in(browser, fakes)
    await page.goto(url)
    await expect(page.locator("#live")).to_have_text("reconnecting", timeout=PATIENCE_MS)
    fakes.queries.picture = replace(DEGRADED)

    await expect(page.locator("#summary")).to_contain_text(TROUBLE, timeout=PATIENCE_MS)
    for other in others:
        fakes.events.readers.discard(other)
    await live(page)
