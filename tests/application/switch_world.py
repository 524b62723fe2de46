"""A control plane with a service that has switches, and people who flip them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

from controlplane.application.ports import Floors
from controlplane.application.replica import Replica
from controlplane.application.results import Done, Refused, Result
from controlplane.application.switch_requests import DriftPolicy, DriftRequest, FlipRequest, UndoRequest
from controlplane.application.switch_views import ServiceSwitchesView, SwitchPreview, SwitchView
from controlplane.contract.switches import Switch, SwitchDocument, parse_switches
from controlplane.domain.switches import Flip, Given, Verb
from tests.application.world import FLEET, KEYS, FakeCache, World, act

SWITCHES = KEYS.document("switches", "checkout")
LOG = KEYS.document_log("switches", "checkout")
SWITCH_LINES = """    switches:
      - {name: recs, type: bool, normal: true, degraded: false, owner: growth, description: Related products}
      - {name: depth, type: int, normal: 3, degraded: 1}
"""
SWITCH_FLEET = FLEET.replace("    checks:", f"{SWITCH_LINES}    checks:")


class SwitchWorld(World):
    """The outside, with a service `checkout` that has two switches."""

    @asynccontextmanager
    async def switched(self, fleet: str = SWITCH_FLEET) -> AsyncIterator[Replica]:
        """One replica that leads, and the first switch document."""
        replica = self.replica()
        async with self.running(replica):
            await self.until(lambda: replica.leadership.tenure)
            await replica.doors.registry.apply(fleet, by="alice", dry_run=False)
            await self.until(lambda: self.value(SWITCHES))
            await asyncio.sleep(2)
            yield replica

    def switches(self) -> SwitchDocument:
        """What services read."""
        return parse_switches(self.value(SWITCHES) or b"")

    def switch(self, name: str = "recs") -> Switch:
        """One switch as services read it."""
        return self.switches().switches[name]

    def revision(self) -> int:
        """Revision of the switches."""
        return self.switches().revision

    def plain(self, name: str = "recs") -> bytes | None:
        """The plain value of a switch."""
        return self.value(KEYS.switch_value("checkout", name))

    def ahead(self, seconds: float) -> Any:
        """A moment from now."""
        return self.clock.now() + timedelta(seconds=seconds)

    def reopened(self) -> None:
        """Every file that a replica keeps is gone, as on a new machine."""
        self.floors = FakeCache(Floors())

    def logged(self) -> list[int]:
        """The revisions that the log has."""
        keys = (key for key in sorted(self.server.data.entries) if key.startswith(LOG))
        return [int(key.removeprefix(LOG)) for key in keys]

    def edit(self, **fields: Any) -> bytes:
        """Somebody writes a document past the control plane; answers its bytes."""
        raw = replace(self.switches(), **fields).to_bytes()
        self.server.edit(SWITCHES, raw)
        return raw


def flip(verb: Verb = Verb.DEGRADE, switch: str = "recs", **more: Any) -> FlipRequest:
    """A flip by alice; what belongs to the flip itself goes there."""
    own: dict[str, Any] = {
        name: more.pop(name) for name in ("regions", "percent", "expires_at") if name in more
    }
    if "value" in more:
        own["value"] = Given(more.pop("value"))
    fields = {"act": act(), "service": "checkout", **more}
    return FlipRequest(flip=Flip(switch, verb, **own), **fields)


def restore(switch: str = "recs", **more: Any) -> FlipRequest:
    return flip(Verb.RESTORE, switch, **more)


def undo(revision: int, **more: Any) -> UndoRequest:
    return UndoRequest(**{"act": act(), "service": "checkout", **more}, revision=revision)


def decide(policy: str, **more: Any) -> DriftRequest:
    return DriftRequest(**{"act": act(), "service": "checkout", **more}, policy=DriftPolicy(policy))


def done(result: Result) -> Done:
    assert isinstance(result, Done), result
    return result


def refused(result: Result | SwitchPreview, code: str) -> str:
    """The sentence of a refusal with this code."""
    assert isinstance(result, Refused), result
    assert result.code == code, result
    return result.text


def shown(replica: Replica) -> ServiceSwitchesView:
    return replica.doors.switches.of("checkout")


def shown_switch(replica: Replica, name: str = "recs") -> SwitchView:
    return {one.name: one for one in shown(replica).switches}[name]
