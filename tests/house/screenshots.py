"""Writes docs/pictures from a demo in trouble: `make screenshots`.

The demo runs as a person starts it. A switch is degraded, then a region is lost, and its groups have moved
when the pictures are taken: each page once in light and once in dark.
"""

import asyncio
import time
from pathlib import Path
from urllib.parse import urlencode

import httpx
from playwright.async_api import Browser, Page, ViewportSize, async_playwright

from bench._console_demo import Demo, running_demo
from controlplane.processes.chaos import apply_fault
from tests.web.browsing import CHROMIUM, FLAGS, SCHEMES

PICTURES = Path(__file__).parents[2] / "docs/pictures"
WIDTH_PIXELS = 1280
HEIGHT_PIXELS_MAX = 740
"""A window on a laptop; a picture of it stays below 150 KB."""
MARGIN_PIXELS = 24
HISTORY_SECONDS = 90.0
"""Before the region is lost, so that a timeline shows both."""
LOST_SECONDS = 60.0
"""From the loss to the pictures."""
PATIENCE_SECONDS = 60.0
LOST = "us-east"
FLIP = {
    "verb": "degrade",
    "reason": "INC-4822 estimates are late since the loss of us-east",
    "ends": "2h",
}
PAGES = {
    "now": "/",
    "group": "/groups/checkout",
    "switch": "/switches/checkout/recommendations",
    "flip-review": f"/switches/checkout/delivery-estimate/review?{urlencode(FLIP)}",
    "fleet": "/fleet",
    "instance": "/instances/checkout-us-east-1?from=now-5m",
    "changes": "/changes",
}


async def main() -> None:
    """Run the demo, bring it into trouble, and take the pictures."""
    PICTURES.mkdir(exist_ok=True)
    with running_demo() as demo:
        async with demo.client() as api:
            await _degrade(api)
            await asyncio.sleep(HISTORY_SECONDS)
            await apply_fault(demo.folder, "kill", LOST)
            await _until_moved(api)
        await asyncio.sleep(LOST_SECONDS)
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            for scheme in SCHEMES:
                await _take_all(browser, demo, scheme)
            await browser.close()


async def _degrade(api: httpx.AsyncClient) -> None:
    """A day with a past: one switch comes and goes, one stays degraded for a while."""
    for path, body in (
        ("catalog/images/degrade", {"reason": "INC-4817 the image service is slow"}),
        ("catalog/images/restore", {"reason": "INC-4817 is over"}),
        ("checkout/recommendations/degrade", {"reason": "INC-4821 shed recommendation load", "for": "2h"}),
    ):
        (await api.post(f"/api/v1/switches/{path}", json=body)).raise_for_status()


async def _until_moved(api: httpx.AsyncClient) -> None:
    deadline = time.perf_counter() + PATIENCE_SECONDS
    while time.perf_counter() < deadline:
        groups = (await api.get("/api/v1/status")).json()["groups"]
        if all(group["active"] not in {LOST, None} for group in groups):
            return
        await asyncio.sleep(1)
    raise RuntimeError(f"after {PATIENCE_SECONDS:g} s a group is still in {LOST}")


async def _take_all(browser: Browser, demo: Demo, scheme: str) -> None:
    size = ViewportSize(width=WIDTH_PIXELS, height=HEIGHT_PIXELS_MAX)
    context = await browser.new_context(
        base_url=demo.runtime.api, viewport=size, color_scheme="dark" if scheme == "dark" else "light"
    )
    page = await context.new_page()
    await page.goto("/login")
    await _take(page, f"login-{scheme}")
    await _log_in(page, demo)
    for name, address in PAGES.items():
        await page.goto(address)
        await page.wait_for_selector("#live.live")
        await _take(page, f"{name}-{scheme}")
    await context.close()


async def _log_in(page: Page, demo: Demo) -> None:
    await page.get_by_label("Name").fill(demo.login.name)
    await page.get_by_label("Password").fill(demo.login.password)
    await page.get_by_role("button", name="Log in").click()
    await page.wait_for_selector("#live")


async def _take(page: Page, name: str) -> None:
    """The page down to its end, or as much as is seen without scrolling."""
    await page.set_viewport_size({"width": WIDTH_PIXELS, "height": HEIGHT_PIXELS_MAX})
    height = await page.evaluate("document.querySelector('main').getBoundingClientRect().bottom")
    shown = min(int(height) + MARGIN_PIXELS, HEIGHT_PIXELS_MAX)
    await page.set_viewport_size({"width": WIDTH_PIXELS, "height": shown})
    await page.screenshot(path=PICTURES / f"{name}.png")


if __name__ == "__main__":
    asyncio.run(main())
