"""Owns the browser of `bench.console`: who is logged in, and when a change of the page was on its screen."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import BrowserContext, Page, async_playwright

from bench._console_demo import Demo
from tests.web.browsing import CHROMIUM, FLAGS

SHOWN_MS_MAX = 10_000
_WATCH = """([selector, wanted]) => {
  const shown = () => document.querySelector(selector).textContent.replace(/\\s+/g, " ");
  window.onScreen = new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error(`${selector} never showed ${wanted}: ${shown()}`)), LIMIT_MS);
    const look = () => {
      if (!new RegExp(wanted).test(shown())) return;
      observer.disconnect();
      requestAnimationFrame(() => resolve(Date.now()));
    };
    const observer = new MutationObserver(look);
    const every = { subtree: true, childList: true, characterData: true };
    observer.observe(document.querySelector(selector), every);
  });
}""".replace("LIMIT_MS", str(SHOWN_MS_MAX))


@asynccontextmanager
async def logged_in(demo: Demo) -> AsyncIterator[BrowserContext]:
    """Chromium, with the demo's visitor logged in by the form."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = await browser.new_context()
        page = await context.new_page()
        await page.goto(f"{demo.runtime.api}/login")
        await page.get_by_label("Name").fill(demo.login.name)
        await page.get_by_label("Password").fill(demo.login.password)
        await page.get_by_role("button", name="Log in").click()
        await page.wait_for_selector("#live")
        await page.close()
        yield context
        await browser.close()


async def live_page(context: BrowserContext, address: str) -> Page:
    """A page that follows events."""
    page = await context.new_page()
    await page.goto(address)
    await page.wait_for_selector("#live.live")
    return page


async def watch(page: Page, selector: str, wanted: str) -> None:
    """Wait in the page for a text (a regular expression) in an element, from now on."""
    await page.evaluate(_WATCH, [selector, wanted])


async def on_screen(page: Page) -> float:
    """When the frame with that text was drawn, in seconds of the wall clock."""
    shown_ms: float = await page.evaluate("window.onScreen")
    return shown_ms / 1000
