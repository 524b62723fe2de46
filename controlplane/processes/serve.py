"""Owns one run of everything on one data directory: from its lock to the last child's end."""

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from controlplane.processes.data_dir import supervised
from controlplane.processes.errors import ProcessError
from controlplane.processes.parent_death import stop_with_parent
from controlplane.processes.runtime_file import Runtime, remove_runtime, write_runtime
from controlplane.processes.supervisor import Supervisor
from controlplane.processes.table import ServePlan, prepare

_log = logging.getLogger(__name__)


async def supervise(plan: ServePlan, *, on_ready: Callable[[Runtime], None]) -> None:
    """Run what the plan says until SIGTERM, SIGINT or cancellation, then end all of it. Main thread only.

    A second signal means now: whatever has not ended yet is killed. While it runs, `runtime.json` in the data
    directory tells the addresses and process ids.

    Args:
        plan: what to run.
        on_ready: called once, when everything is up, with the addresses.

    Raises:
        ProcessError: it cannot run; one sentence for the person who typed the command.
    """
    plan = replace(plan, data_dir=plan.data_dir.absolute())
    if plan.ends_with_parent:
        stop_with_parent()
    with supervised(plan.data_dir):
        remove_runtime(plan.data_dir)
        with _interruptible():
            table = prepare(plan)
        supervisor = Supervisor(
            table.children,
            on_ready=lambda: on_ready(table.runtime),
            on_change=partial(_tell, plan.data_dir, table.runtime),
        )
        try:
            await _run_until_signalled(supervisor)
        finally:
            remove_runtime(plan.data_dir)


def _tell(data_dir: Path, runtime: Runtime, pids: Mapping[str, int]) -> None:
    try:
        write_runtime(data_dir, replace(runtime, pids={"supervisor": os.getpid(), **pids}))
    except ProcessError as error:  # a full disk is no reason to end what runs
        _log.warning("runtime.json is out of date", extra={"error": str(error)})


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C end what blocks; asyncio would keep it until the loop is asked again."""
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, former)


async def _run_until_signalled(supervisor: Supervisor) -> None:
    running = asyncio.create_task(supervisor.run(), name="supervisor")

    def stop() -> None:
        if running.cancelling():
            supervisor.hurry()
        else:
            running.cancel()

    loop, ourselves = asyncio.get_running_loop(), asyncio.current_task()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    try:
        await running  # whoever cancels us cancels it, and gets us back when it has ended
    except asyncio.CancelledError:
        if ourselves is not None and ourselves.cancelling():
            raise
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
