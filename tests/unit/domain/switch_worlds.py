"""Makers of switches, definitions and histories that the tests of the switch half share."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from controlplane.contract.log_entries import LogEntry, digest
from controlplane.contract.switches import (
    Override,
    Switch,
    SwitchChange,
    SwitchChangeKind,
    SwitchDocument,
    SwitchState,
    SwitchType,
    switch_mapping,
)
from controlplane.domain.fleet import SwitchDefinition
from controlplane.domain.switches import Flip, Given, Ground, Switches, Verb, changed_names

NOW = datetime(2026, 1, 12, 9, 31, 7, 412000, tzinfo=UTC)
SOON = NOW + timedelta(hours=2)
PAST = NOW - timedelta(seconds=1)
REGIONS = ("us-east", "eu-west", "ap-south")
NORMAL, DEGRADED, FORCED, RETIRED = (
    SwitchState.NORMAL,
    SwitchState.DEGRADED,
    SwitchState.FORCED_NORMAL,
    SwitchState.RETIRED,
)


def definition(name: str = "recs", *, kind: str = "bool", normal: Any = True, degraded: Any = False):
    """A switch as the fleet file declares it."""
    return SwitchDefinition(name, kind, normal, degraded)


DEFINITIONS = (definition(), definition("depth", kind="int", normal=3, degraded=1))


def switch(state: SwitchState = NORMAL, **fields: Any) -> Switch:
    """A switch of type bool that is normally true."""
    defaults: dict[str, Any] = {"type": SwitchType.BOOL, "value": state is not DEGRADED, "normal": True}
    return Switch(state=state, **{**defaults, **fields})


def override(state: SwitchState = DEGRADED, *, value: Any = False, until: datetime | None = None) -> Override:
    """What holds in one region."""
    return Override(state, value, until)


def two(**switches: Switch) -> dict[str, Switch]:
    """The two declared switches at rest, and whatever a test says otherwise."""
    depth = Switch(type=SwitchType.INT, state=NORMAL, value=3, normal=3)
    return {"recs": switch(), "depth": depth, **switches}


def ground(now: datetime = NOW, declared: Sequence[SwitchDefinition] = DEFINITIONS) -> Ground:
    """What flips are judged by."""
    return Ground({one.name: one for one in declared}, REGIONS, now)


def document(
    switches: Switches, revision: int = 42, kind: SwitchChangeKind = SwitchChangeKind.FLIP
) -> SwitchDocument:
    """The switch document of the service `checkout`."""
    change = SwitchChange(f"change-{revision}", kind, "alice", "INC-1", "2026-01-12T09:31:07.412Z")
    return SwitchDocument("checkout", revision, switches, change)


def entry(before: Switches | None, after: SwitchDocument) -> LogEntry:
    """The log entry of a publication, as the writer makes it."""
    names = changed_names(before or {}, after.switches)
    return LogEntry(
        kind="switches",
        name=after.service,
        revision=after.revision,
        term=1,
        change=after.change,
        before=None if before is None else content(before, names),
        after=content(after.switches, names),
        explanation={},
        sha256=digest(after.to_bytes()),
        trace_id=None,
    )


def content(switches: Switches, names: Sequence[str]) -> Mapping[str, Any]:
    """These switches as they stand in a log entry."""
    return {name: switch_mapping(switches[name]) for name in names if name in switches}


def ends() -> st.SearchStrategy[datetime | None]:
    """None, or an end that is allowed at `NOW`."""
    seconds = st.integers(1, 30 * 86400).map(lambda ahead: NOW + timedelta(seconds=ahead))
    return st.none() | seconds


@st.composite
def flips(draw: st.DrawFn, switches: Sequence[str] = ("recs",)) -> Flip:
    """Flips that are allowed at `NOW`, of bool switches."""
    verb = draw(st.sampled_from(Verb))
    regions = tuple(draw(st.lists(st.sampled_from(REGIONS), unique=True, max_size=2)))
    degrade = verb is Verb.DEGRADE
    return Flip(
        switch=draw(st.sampled_from(switches)),
        verb=verb,
        regions=regions,
        value=draw(st.none() | st.booleans().map(Given)) if degrade else None,
        percent=draw(st.none() | st.integers(1, 100)) if degrade and not regions else None,
        expires_at=None if verb is Verb.RESTORE else draw(ends()),
    )
