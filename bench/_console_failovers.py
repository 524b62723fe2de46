"""Owns the figure event → pixel for failovers: a service is lost where it is active, watched on Now."""

import asyncio

import httpx

from bench._console_browser import live_page, logged_in, on_screen, watch
from bench._console_demo import INSTANCES, Demo
from bench._console_flips import arrival, consul_of, rows
from bench._harness import Row
from controlplane.contract.documents import DocumentKind
from controlplane.contract.keys import Keys
from controlplane.processes.chaos import apply_fault

FAILOVERS = 5
"""More of them within ten minutes are held back by the budget of unrelated failures."""
PERIOD_SECONDS = 12.0
"""From healing to the next loss: the demo's groups rest 10 s between moves."""
SETTLED_SECONDS_MAX = 60.0
POLL_SECONDS = 0.2
GROUP = "checkout"


async def failover_to_pixel(demo: Demo) -> list[Row]:
    """Milliseconds from a move's being in Consul to its being on screen, with one person looking."""
    async with logged_in(demo) as context, demo.client() as api, consul_of(demo) as consul:
        page = await live_page(context, f"{demo.runtime.api}/")
        samples = []
        for _ in range(FAILOVERS):
            active = await _settled(api)
            await watch(page, "#moves", f"{GROUP} ?: {active} →")
            samples.append(1000 * (-await _published(demo, consul, active) + await on_screen(page)))
            await apply_fault(demo.folder, "heal", "all")
            await asyncio.sleep(PERIOD_SECONDS)
    return rows("a failover on the page Now", samples)


async def _published(demo: Demo, consul: httpx.AsyncClient, region: str) -> float:
    """Lose the service in a region; when a waiting reader had the move, in seconds of the wall clock."""
    key = Keys().document(DocumentKind.FAILOVER, GROUP)
    index = (await consul.get(f"/v1/kv/{key}")).headers["X-Consul-Index"]
    async with asyncio.TaskGroup() as tasks:
        arrived = tasks.create_task(arrival(key, consul, index))
        await apply_fault(demo.folder, "kill", f"{GROUP}/{region}")
    return arrived.result()


async def _settled(api: httpx.AsyncClient) -> str:
    """Where the group is, once everything is up and it rests no longer."""
    async with asyncio.timeout(SETTLED_SECONDS_MAX):
        while True:
            status = (await api.get("/api/v1/status")).raise_for_status().json()
            group = next(one for one in status["groups"] if one["name"] == GROUP)
            if status["instances"]["up"] == INSTANCES and group["state"] == "steady":
                return str(group["active"])
            await asyncio.sleep(POLL_SECONDS)
