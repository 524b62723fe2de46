"""Owns the demo's story: a scripted region outage on real parts, timed and checked from outside."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from controlplane.application.ports import Clock
from controlplane.contract.keys import DEFAULT_PREFIX, Keys
from controlplane.processes.chaos import ChaosError
from controlplane.processes.demo_fleet.fleet_json import NoDemo
from controlplane.processes.story.consul_view import ConsulView
from controlplane.processes.story.control_view import ControlView, Refused
from controlplane.processes.story.readers_view import ReadersView
from controlplane.processes.story.teller import Teller
from controlplane.processes.story.timeline import Step, StoryResult, summarise
from controlplane.processes.story.watching import Interrupted

__all__ = ["Step", "StoryResult", "run_stories", "run_story", "summarise"]

STORY_GROUP = "checkout"
ANSWER_SECONDS_MAX = 10.0


def _say_nothing(_step: Step) -> None:
    """The default of `on_step`."""


async def run_story(
    *,
    api_url: str,
    token: str,
    consul_address: str,
    data_dir: Path,
    clock: Clock,
    consul_token: str | None = None,
    prefix: str = DEFAULT_PREFIX,
    on_step: Callable[[Step], None] = _say_nothing,
) -> StoryResult:
    """Lose the primary region of the demo's group `checkout`, watch it move, heal, and move it back.

    Needs a running demo on `data_dir` and a token that may move groups. Takes about 25 s. Whatever goes
    wrong is a problem of the result, in one sentence each; nothing is raised but bugs and cancellation.
    """
    async with _clients(api_url, token, consul_address, consul_token) as (api, consul, instances):
        teller = Teller(
            group=STORY_GROUP,
            data_dir=data_dir,
            consul=ConsulView(consul, Keys(prefix)),
            control=ControlView(api),
            readers=ReadersView(instances),
            clock=clock,
            on_step=on_step,
        )
        try:
            return await teller.tell()
        except (Interrupted, Refused, ChaosError, NoDemo) as error:
            return StoryResult(teller.steps, [str(error)])
        except httpx.HTTPError as error:
            return StoryResult(teller.steps, [f"{type(error).__name__} {error}"])


async def run_stories(
    runs: int, story: Callable[[], Awaitable[StoryResult]], on_result: Callable[[StoryResult], None]
) -> list[StoryResult]:
    """Tell the story several times in a row on the same parts."""
    results = []
    for _ in range(runs):
        results.append(await story())
        on_result(results[-1])
    return results


@asynccontextmanager
async def _clients(
    api_url: str, token: str, consul_address: str, consul_token: str | None
) -> AsyncIterator[tuple[httpx.AsyncClient, httpx.AsyncClient, httpx.AsyncClient]]:
    async with (
        _client(base_url=api_url, headers={"Authorization": f"Bearer {token}"}) as api,
        _client(
            base_url=f"http://{consul_address}",
            headers={"X-Consul-Token": consul_token} if consul_token else {},
        ) as consul,
        _client() as instances,
    ):
        yield api, consul, instances


def _client(*, base_url: str = "", headers: dict[str, str] | None = None) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=base_url, headers=headers, timeout=ANSWER_SECONDS_MAX, trust_env=False)
