"""Owns the figure event → pixel: flips and moves through the API, watched in Consul and in a browser."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
from playwright.async_api import BrowserContext

from bench._console_browser import live_page, logged_in, on_screen, watch
from bench._console_demo import Demo
from bench._harness import Row, quantile
from controlplane.contract.documents import DocumentKind
from controlplane.contract.keys import Keys

ACTS = 30
PAUSE_SECONDS = 0.6
"""Between acts, so that readers have confirmed one before the next."""
READERS = 200
EVENT_TO_PIXEL_MS_MAX = 500.0
PARK_SECONDS = 0.02
"""From asking to writing: a blocking query is waiting at Consul by then."""
TIMEOUT_SECONDS = 40
CHUNK_BYTES = 64 * 1024
SERVICE, SWITCH = "catalog", "images"
GROUP = "catalog"


@dataclass(frozen=True, slots=True)
class Act:
    """What a person asks of the API, and the text that it brings about on a page (a regular expression)."""

    path: str
    body: Mapping[str, str]
    shown: str


@dataclass(frozen=True, slots=True)
class View:
    """A page, the element on it that is looked at, the document behind it, and two acts that take turns."""

    title: str
    path: str
    selector: str
    key: str
    acts: tuple[Act, Act]


def _flip(verb: str, shown: str) -> Act:
    return Act(f"switches/{SERVICE}/{SWITCH}/{verb}", {}, shown)


def _move(region: str) -> Act:
    return Act(f"failover/{GROUP}/move", {"to": region}, f"{region} ?ACTIVE")


_SWITCHES, _FAILOVER = (
    Keys().document(kind, name)
    for kind, name in ((DocumentKind.SWITCHES, SERVICE), (DocumentKind.FAILOVER, GROUP))
)
VIEWS = (
    View(
        "a flip on the page of its switch",
        f"/switches/{SERVICE}/{SWITCH}",
        "#state",
        _SWITCHES,
        (_flip("degrade", "degraded"), _flip("restore", "normal")),
    ),
    View(
        "a flip on the page Now",
        "/",
        "#places",
        _SWITCHES,
        (_flip("degrade", r"Switches 1\b"), _flip("restore", r"Switches(?! 1)")),
    ),
    View(
        "a move on the page of its group",
        f"/groups/{GROUP}",
        "#regions",
        _FAILOVER,
        (_move("ap-south"), _move("eu-west")),
    ),
)


async def event_to_pixel(demo: Demo) -> list[Row]:
    """Milliseconds from a document's being in Consul to its being on screen; alone, and with many readers."""
    async with logged_in(demo) as context, demo.client() as api, consul_of(demo) as consul:
        alone = [await _samples(demo, view, context, api, consul) for view in VIEWS]
        async with _readers(demo):
            crowded = [await _samples(demo, view, context, api, consul) for view in VIEWS]
    return [*_rows(alone, ""), *_rows(crowded, f", {READERS} more streams")]


def verdict(rows: list[Row]) -> str:
    """Whether the promise is kept, with one person looking and with many readers besides."""
    lines = []
    for who, is_crowded in (("one person looking", False), (f"{READERS} more streams", True)):
        p95s = [row for row in rows if "p95" in row.case and ("streams" in row.case) is is_crowded]
        worst = max(row.value or 0.0 for row in p95s)
        kept = "met" if worst <= EVENT_TO_PIXEL_MS_MAX else "MISSED"
        limit = f"{EVENT_TO_PIXEL_MS_MAX:g} ms p95"
        lines.append(f"target, event → pixel at most {limit}, {who}: {kept} ({worst:.0f} ms)")
    return "\n".join(lines)


async def _samples(
    demo: Demo, view: View, context: BrowserContext, api: httpx.AsyncClient, consul: httpx.AsyncClient
) -> list[float]:
    """One sample per act; the page is the only one that is open, for a hidden tab follows nothing."""
    samples = []
    page = await live_page(context, f"{demo.runtime.api}{view.path}")
    for number in range(ACTS):
        act = view.acts[number % len(view.acts)]
        await watch(page, view.selector, act.shown)
        published = await _published(act, view.key, api, consul)
        samples.append(1000 * (await on_screen(page) - published))
        await asyncio.sleep(PAUSE_SECONDS)
    await page.close()
    return samples


async def _published(act: Act, key: str, api: httpx.AsyncClient, consul: httpx.AsyncClient) -> float:
    """When a waiting reader had the new document, in seconds of the wall clock."""
    index = (await consul.get(f"/v1/kv/{key}")).headers["X-Consul-Index"]
    async with asyncio.TaskGroup() as tasks:
        arrived = tasks.create_task(arrival(key, consul, index))
        await asyncio.sleep(PARK_SECONDS)
        asked = {**act.body, "reason": "bench: event to pixel"}
        (await api.post(f"/api/v1/{act.path}", json=asked)).raise_for_status()
    return arrived.result()


async def arrival(key: str, consul: httpx.AsyncClient, index: str) -> float:
    """When Consul told of a newer document than the one of this index, in seconds of the wall clock."""
    await consul.get(f"/v1/kv/{key}", params={"index": index, "wait": "30s"})
    return time.time()  # noqa: TID251 - the browser's clock is the wall clock, too


def consul_of(demo: Demo) -> httpx.AsyncClient:
    """Asks the Consul of a demo."""
    return httpx.AsyncClient(base_url=f"http://{demo.runtime.consul}", timeout=TIMEOUT_SECONDS)


@asynccontextmanager
async def _readers(demo: Demo) -> AsyncIterator[None]:
    """That many readers of the stream, all of them admitted; they take up what comes and do no more."""
    async with asyncio.TaskGroup() as tasks:
        opened = [asyncio.Event() for _ in range(READERS)]
        reading = [tasks.create_task(_read(demo, event)) for event in opened]
        for event in opened:
            await event.wait()
        yield
        for task in reading:
            task.cancel()


async def _read(demo: Demo, opened: asyncio.Event) -> None:
    host = urlsplit(demo.runtime.api).netloc
    name, _, port = host.partition(":")
    reader, writer = await asyncio.open_connection(name, int(port))
    request = (
        f"GET /api/v1/events HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {demo.runtime.token}\r\n\r\n"
    )
    writer.write(request.encode())
    try:
        assert b" 200 " in await reader.readline()
        opened.set()
        while await reader.read(CHUNK_BYTES):
            pass
    finally:
        writer.close()


def rows(title: str, samples: Sequence[float]) -> list[Row]:
    """Median and p95 of milliseconds."""
    return [
        Row(
            bench="console",
            case=f"event → pixel, {title}, {figure}",
            value=quantile(samples, share),
            unit="ms",
            runs=len(samples),
        )
        for figure, share in (("p50", 0.5), ("p95", 0.95))
    ]


def _rows(samples: Sequence[list[float]], crowd: str) -> list[Row]:
    shown = zip(VIEWS, samples, strict=True)
    return [row for view, found in shown for row in rows(f"{view.title}{crowd}", found)]
