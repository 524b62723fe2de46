"""Owns the order of all children: stage after stage up, the other way down, and none is left behind.

Stages are nested task groups: the group of one stage holds the keepers of its children and, inside it, the
later stages. So they start from the outside in, and whatever ends them, cancellation included, ends them from
the inside out.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby

from controlplane.processes.child import Child
from controlplane.processes.keeper import Keeper


class Supervisor:
    """Runs a table of children until it is cancelled."""

    def __init__(
        self,
        table: Sequence[Child],
        *,
        on_ready: Callable[[], None],
        on_change: Callable[[Mapping[str, int]], None],
    ) -> None:
        """Take the table.

        Args:
            table: the children; their stages order them.
            on_ready: called once, when every stage is ready.
            on_change: called with the process ids by name: just before `on_ready`, then whenever one changes.
        """
        self._stages = _by_stage(table)
        self._on_ready = on_ready
        self._on_change = on_change
        self._pids: dict[str, int] = {}
        self._serving = False
        self._hurry = asyncio.Event()

    async def run(self) -> None:
        """Start all, keep all running, and when cancelled end all. Call it in the main thread.

        Raises:
            ProcessError: a child did not come up; the others have been ended.
        """
        try:
            await self._run(self._stages)
        except BaseExceptionGroup as group:
            raise _first(group) from None

    def hurry(self) -> None:
        """Give no child time to end any more: what still runs when it is to end is killed."""
        self._hurry.set()

    async def _run(self, stages: Sequence[Sequence[Child]]) -> None:
        if not stages:
            await self._serve()
            return
        async with asyncio.TaskGroup() as group:
            keepers = [Keeper(child, hurry=self._hurry, on_change=self._note) for child in stages[0]]
            for keeper in keepers:
                group.create_task(keeper.keep(), name=keeper.child.name)
            for keeper in keepers:
                await keeper.ready.wait()
            await self._run(stages[1:])

    async def _serve(self) -> None:
        self._serving = True
        self._on_change(self._pids)
        self._on_ready()
        try:
            await asyncio.Event().wait()  # until cancelled
        finally:
            self._serving = False

    def _note(self, name: str, pid: int | None) -> None:
        if pid is None:
            del self._pids[name]
        else:
            self._pids[name] = pid
        if self._serving:
            self._on_change(self._pids)


def _by_stage(table: Sequence[Child]) -> list[list[Child]]:
    ordered = sorted(table, key=lambda child: child.stage)
    return [list(stage) for _, stage in groupby(ordered, key=lambda child: child.stage)]


def _first(group: BaseExceptionGroup) -> BaseException:
    """The error that ended it all: the others are its consequences."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
