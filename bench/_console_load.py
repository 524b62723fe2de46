"""Owns the figures of pages under load: time to the first byte of each, and what the first one weighs."""

import asyncio
import re
import time
from typing import Self

import httpx

from bench._console_demo import Demo
from bench._console_fleet import SERVICES
from bench._harness import Row, quantile
from controlplane.console.assets import web_root

REQUESTS = 40
"""Of each page."""
PAUSE_SECONDS = 0.05
"""Between requests, so that the process does what else it has to do."""
TTFB_MS_MAX = 200.0
KIB = 1024
WEIGHT_KIB_MAX = {"HTML": 60.0, "CSS": 20.0, "JavaScript": 30.0}
TIMEOUT_SECONDS = 30.0
AS_A_BROWSER = {"Accept-Encoding": "gzip", "Sec-Fetch-Site": "same-origin"}
_SERVICE = SERVICES[7]
PAGES = {
    "Now": "/",
    "groups": "/groups",
    "a group": f"/groups/{_SERVICE}",
    "switches": "/switches",
    "a switch": f"/switches/{_SERVICE}/feature-04",
    "fleet": "/fleet",
    "a service": f"/fleet/{_SERVICE}",
    "an instance": f"/instances/{_SERVICE}-7",
    "changes": "/changes",
    "search": "/search?q=service-07",
}


async def page_load(demo: Demo) -> list[Row]:
    """Milliseconds to the first byte of each page, and KiB of the first page as they travel."""
    async with LoggedIn(demo) as http:
        times = {case: await _times_ms(http, path) for case, path in PAGES.items()}
        weights = await _weights_kib(http)
    return [
        *(
            _row(f"first byte, {case}, {figure}", quantile(samples, share), "ms", len(samples))
            for case, samples in times.items()
            for figure, share in (("p50", 0.5), ("p95", 0.95))
        ),
        *(_row(f"weight compressed, {kind}", weight, "KiB", 1) for kind, weight in weights.items()),
    ]


def verdicts(rows: list[Row]) -> list[str]:
    """Whether the promises are kept."""
    figures = {row.case: row.value or 0.0 for row in rows}
    slowest = max(value for case, value in figures.items() if case.endswith("p95"))
    said = [f"target, first byte of every page at most {TTFB_MS_MAX:g} ms p95: {_kept(slowest, TTFB_MS_MAX)}"]
    for kind, limit in WEIGHT_KIB_MAX.items():
        weight = figures[f"weight compressed, {kind}"]
        said.append(f"target, {kind} at most {limit:g} KiB compressed: {_kept(weight, limit)}")
    return said


def _kept(value: float, limit: float) -> str:
    return f"{'met' if value <= limit else 'MISSED'} ({value:.3g})"


class LoggedIn(httpx.AsyncClient):
    """A browser's requests, by somebody who has logged in with the form."""

    def __init__(self, demo: Demo) -> None:
        """For the visitor of this control plane."""
        super().__init__(
            base_url=demo.runtime.api, headers=AS_A_BROWSER, timeout=TIMEOUT_SECONDS, trust_env=False
        )
        self._login = demo.login

    async def __aenter__(self) -> Self:
        """Log in."""
        await super().__aenter__()
        form = (await self.get("/login")).text
        hidden = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form))
        answer = await self.post(
            "/login", data={**hidden, "name": self._login.name, "password": self._login.password}
        )
        assert answer.is_redirect, answer.text
        return self


async def _times_ms(http: httpx.AsyncClient, path: str) -> list[float]:
    """Of one page; the first request is not counted, it may have to read templates."""
    samples = []
    for _ in range(REQUESTS + 1):
        started = time.perf_counter()
        async with http.stream("GET", path) as answer:
            samples.append(1000 * (time.perf_counter() - started))
            assert answer.status_code == httpx.codes.OK, f"{path}: {answer.status_code}"
            await answer.aread()
        await asyncio.sleep(PAUSE_SECONDS)
    return samples[1:]


async def _weights_kib(http: httpx.AsyncClient) -> dict[str, float]:
    """What travels for the heaviest page as the first one, styles and all scripts included."""
    pages = [await _kib(http, path) for path in PAGES.values()]
    scripts = [await _kib(http, f"/static/{file.name}") for file in (web_root() / "static").glob("*.js")]
    return {
        "HTML": max(pages),
        "CSS": await _kib(http, "/static/console.css"),
        "JavaScript": sum(scripts),
    }


async def _kib(http: httpx.AsyncClient, path: str) -> float:
    async with http.stream("GET", path) as answer:
        await answer.aread()
        return answer.num_bytes_downloaded / KIB


def _row(case: str, value: float, unit: str, runs: int) -> Row:
    return Row(bench="console", case=case, value=value, unit=unit, runs=runs)
