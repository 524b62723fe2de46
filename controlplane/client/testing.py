"""Owns the test double of a client: the same questions, answered from what a test has put in force.

def test_the_cart_does_without_recommendations():
    with FakeClient(service="checkout", switches={"recommendations": True}) as controlplane:
        controlplane.set("recommendations", False)
        assert "related products" not in cart_page(controlplane)
"""

from collections.abc import Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from controlplane.client.clock import Clock
from controlplane.client.contact import Contact
from controlplane.client.face import Face
from controlplane.client.judgement import Document, Held
from controlplane.client.standing import Standing
from controlplane.client.switches import SwitchesInForce
from controlplane.contract.applied import AppliedSource
from controlplane.contract.documents import Change, ChangeKind, FailoverDocument, FailoverState
from controlplane.contract.switches import (
    PERCENT_MAX,
    Switch,
    SwitchChange,
    SwitchChangeKind,
    SwitchDocument,
    SwitchState,
    SwitchType,
)

_AT = "2026-01-12T09:31:07.412Z"
_TYPES = {bool: SwitchType.BOOL, int: SwitchType.INT, float: SwitchType.FLOAT, str: SwitchType.STRING}


class FakeClient(Face):
    """A client that follows nothing and nobody; a context manager of both kinds, as the real ones are.

    Args:
        switches: the normal value of each switch, or a whole `Switch` where shares, regions and expiries
            matter; None: no document is known, the code's defaults hold.
        active: the active region of each group.
        service, region, defaults, clock: as of the real clients.
    """

    def __init__(
        self,
        *,
        service: str = "service",
        region: str | None = None,
        switches: Mapping[str, Any] | None = None,
        active: Mapping[str, str | None] | None = None,
        defaults: Mapping[str, str] | None = None,
        clock: Clock | None = None,
    ) -> None:
        groups = {**(defaults or {}), **(active or {})}
        super().__init__(groups, service=service, region=region, defaults=defaults, clock=clock)
        for standing in self._standings():
            standing.contact = _InTouch(self._clock)
        if switches is not None:
            self._publish({name: _declared(value) for name, value in switches.items()})
        for group, region_of_group in (active or {}).items():
            self.move(group, region_of_group)

    def set(self, switch: str, value: Any, *, percent: int = PERCENT_MAX) -> None:
        """Degrade a switch to a value, for all units or a share of them; listeners are called at once.

        A whole `Switch` instead of a value is put in force as it is.
        """
        switches = self._entries()
        entry = _declared(value)
        if not isinstance(value, Switch):
            entry = replace(
                switches.get(switch, entry), state=SwitchState.DEGRADED, value=value, percent=percent
            )
        self._publish({**switches, switch: entry})

    def restore(self, switch: str) -> None:
        """Give a switch its normal value again.

        Raises:
            KeyError: there is no such switch.
        """
        switches = self._entries()
        former = switches[switch]
        self._publish({**switches, switch: _declared(former.normal, former.type)})

    def move(self, group: str, region: str | None) -> None:
        """Make a region the active one of a group; None: fence it.

        Raises:
            KeyError: the fake was not given that group.
        """
        standing = self._groups[group]
        former = standing.current
        document = FailoverDocument(
            group=group,
            revision=self.revision(str(standing)) + 1,
            term=1,
            state=FailoverState.FENCED if region is None else FailoverState.ACTIVE,
            home="dc1",
            active=region,
            weights={} if region is None else {region: 100},
            previous=former.active if former else None,
            change=Change(id="fake", kind=ChangeKind.MANUAL, by="a test", reason="a test", at=_AT),
        )
        _put(standing, document, document.to_bytes())
        self._tell_of_region(former, document)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        pass

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        pass

    def _entries(self) -> Mapping[str, Switch]:
        switches = self._switches.current
        return switches.document.switches if switches else {}

    def _publish(self, switches: Mapping[str, Switch]) -> None:
        former = self._switches.current
        document = SwitchDocument(
            service=self._switches.name,
            revision=self.revision(str(self._switches)) + 1,
            switches=switches,
            change=SwitchChange("fake", SwitchChangeKind.FLIP, "a test", "a test", _AT),
        )
        current = SwitchesInForce(document, region=self._region, clock=self._clock)
        _put(self._switches, current, document.to_bytes())
        self._tell_of_switches(former, current)


class _InTouch(Contact):
    """Nothing to be in contact with, so never out of it."""

    @property
    def stale(self) -> bool:
        """Never."""
        return False


def _declared(value: Any, kind: SwitchType | None = None) -> Switch:
    if isinstance(value, Switch):
        return value
    return Switch(kind or _TYPES.get(type(value), SwitchType.JSON), SwitchState.NORMAL, value, value)


def _put(standing: Standing[Document], document: Document, raw: bytes) -> None:
    held = Held(document, raw, AppliedSource.LIVE)
    standing.put_in_force(held)
    standing.acknowledge(held)
