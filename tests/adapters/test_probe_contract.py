"""What every `Probe` keeps: on the fake, over TCP and over HTTP."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

import pytest

from controlplane.application.ports import Probe
from controlplane.domain.fleet import Check, CheckType, Instance
from controlplane.domain.outcome import Outcome, Verdict
from tests.fakes.probes import BROKEN, HANGING, FakeProbe
from tests.fixtures.hostile_targets import answering, healthy, listening, never_accepting, never_answers
from tests.fixtures.probers import http_probe, on_uvloop, tcp_probe

TIMEOUT_SECONDS = 0.3
HUNG_SECONDS = 30.0
NOBODY = Instance(id="nobody", region="here", address="127.0.0.1", port=1)


@dataclass(frozen=True, slots=True)
class Rig:
    """A probe, and instances to try it on."""

    probe: Probe
    type: CheckType
    up: Instance
    broken: Instance
    hanging: Instance


@asynccontextmanager
async def fake() -> AsyncIterator[Rig]:
    probe = FakeProbe()
    probe.outcomes |= {"broken": BROKEN, "hanging": HANGING}
    up, broken, hanging = (Instance(name, "here", "10.0.0.1", 80) for name in ("up", "broken", "hanging"))
    yield Rig(probe, CheckType.HTTP, up, broken, hanging)


@asynccontextmanager
async def http() -> AsyncIterator[Rig]:
    unavailable = answering(b"HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\n\r\n")
    async with (
        http_probe() as probe,
        listening(healthy) as up,
        listening(unavailable) as broken,
        listening(never_answers) as hanging,
    ):
        yield Rig(probe, CheckType.HTTP, up.instance, broken.instance, hanging.instance)


@asynccontextmanager
async def tcp() -> AsyncIterator[Rig]:
    async with tcp_probe() as probe, listening(never_answers) as up, never_accepting() as hanging:
        yield Rig(probe, CheckType.TCP, up.instance, NOBODY, hanging.instance)


MakeRig = Callable[[], AbstractAsyncContextManager[Rig]]
rigs = pytest.mark.parametrize("make", [fake, http, tcp])


def check(rig: Rig, timeout: float = HUNG_SECONDS) -> Check:
    return Check("api", rig.type, timeout_seconds=timeout)


@rigs
@on_uvloop
async def test_a_target_that_is_up_is_a_success(make: MakeRig):
    """A healthy target is found healthy, by call and by call-back."""
    async with make() as rig:
        assert (await rig.probe(rig.up, check(rig))).verdict is Verdict.SUCCESS
        assert [outcome.verdict for outcome in await called_back(rig, rig.up)] == [Verdict.SUCCESS]


@rigs
@on_uvloop
async def test_a_broken_target_is_a_failure(make: MakeRig):
    """A target that answers wrongly, or not at all, is the target's failure."""
    async with make() as rig:
        assert (await rig.probe(rig.broken, check(rig))).verdict is Verdict.FAILURE
        assert [outcome.verdict for outcome in await called_back(rig, rig.broken)] == [Verdict.FAILURE]


@rigs
@on_uvloop
async def test_a_hanging_target_ends_by_its_timeout(make: MakeRig):
    """A target that hangs is the target's failure, unless our own machine was late to notice."""
    async with make() as rig, asyncio.timeout(HUNG_SECONDS):
        (outcome,) = await called_back(rig, rig.hanging, TIMEOUT_SECONDS)
    assert outcome.verdict is Verdict.FAILURE or outcome.reason == "our_lateness"


async def called_back(rig: Rig, instance: Instance, seconds: float = HUNG_SECONDS) -> list[Outcome]:
    """Everything that `done` was called with, until well after the first call."""
    outcomes: list[Outcome] = []
    ended = asyncio.Event()

    def done(outcome: Outcome) -> None:
        outcomes.append(outcome)
        ended.set()

    rig.probe.start(instance, check(rig, seconds), done)
    assert not outcomes, "`done` is never called before `start` returns"
    await ended.wait()
    await asyncio.sleep(min(seconds, TIMEOUT_SECONDS) * 1.5)
    return outcomes
