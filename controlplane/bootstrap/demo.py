"""Owns the demo as a command: everything with a simulated fleet, until a signal or the end of its story."""

import asyncio
import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from controlplane.adapters.clock import SystemClock
from controlplane.processes.demo import run_demo
from controlplane.processes.demo_login import demo_login
from controlplane.processes.runtime_file import Runtime
from controlplane.processes.story import Step, StoryResult, run_stories, run_story, summarise
from controlplane.processes.table import ServePlan

logger = logging.getLogger(__name__)


async def show(plan: ServePlan) -> int:
    """Run the demo until a signal.

    Raises:
        ProcessError: something that is needed cannot be had.
    """
    await run_demo(replace(plan, quiet=True), lambda runtime: _stay(runtime, plan.data_dir))
    return 0


async def tell(plan: ServePlan, *, runs: int, as_json: bool) -> int:
    """Run the demo, tell its story this many times, and answer the exit code: 0 if every one held.

    Raises:
        ProcessError: something that is needed cannot be had.
    """

    async def story(runtime: Runtime) -> StoryResult:
        return await run_story(
            api_url=runtime.api,
            token=runtime.token,
            consul_address=runtime.consul,
            data_dir=plan.data_dir,
            clock=SystemClock(),
            on_step=_say_nothing if as_json else _say_step,
        )

    async def act(runtime: Runtime) -> list[StoryResult]:
        return await run_stories(runs, lambda: story(runtime), _say_nothing if as_json else _say_result)

    results = await run_demo(replace(plan, quiet=True), act)
    if not results:
        return 1
    if as_json:
        print(json.dumps(results[0].to_json() if runs == 1 else summarise(results)))  # noqa: T201 - the answer
    elif runs > 1:
        print(_times(summarise(results)))  # noqa: T201 - the answer
    return 0 if all(result.ok for result in results) else 1


async def _stay(runtime: Runtime, data_dir: Path) -> NoReturn:
    login = demo_login(data_dir)
    print(  # noqa: T201 - the answer to the person who typed the command
        f"""
The demo is up: 45 instances of 3 services in 3 regions.

  console   {runtime.api}/
  log-in    {login.name}, password {login.password}
  break it  controlplane chaos kill us-east --data-dir {data_dir}
  mend it   controlplane chaos heal us-east --data-dir {data_dir}
  look      controlplane status --data-dir {data_dir}
  read      consul kv get -http-addr={runtime.consul} controlplane/values/failover/checkout

Ctrl-C ends it; everything is kept in {data_dir}.""",
        flush=True,
    )
    await asyncio.Event().wait()
    raise AssertionError("an event that nobody sets was set")


def _say_nothing(_said: Step | StoryResult) -> None:
    """Programs wait for the end."""


def _say_step(step: Step) -> None:
    print(f"{step.at_ms:>7} ms  {step.name}", flush=True)  # noqa: T201 - the answer, as it happens


def _say_result(result: StoryResult) -> None:
    print(result.to_text(), flush=True)  # noqa: T201 - the answer, as it happens


def _times(summary: dict[str, Any]) -> str:
    held = f"{summary['ok_runs']} of {summary['runs']} held"
    return f"{held}; fault to applied, ms: {summary['fault_to_applied_ms']}"
