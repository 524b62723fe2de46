"""Owns the picture of all switches: what is known, beside what is declared, as frozen values."""

from collections.abc import Callable
from dataclasses import dataclass

from controlplane.application.ports import Clock
from controlplane.application.publisher import Publisher
from controlplane.application.switch_reading import SWITCHES
from controlplane.application.switch_sight import SwitchSight
from controlplane.application.switch_views import (
    DriftView,
    OverrideView,
    ServiceSwitchesView,
    SwitchChangeView,
    SwitchesView,
    SwitchView,
)
from controlplane.contract.keys import Keys
from controlplane.contract.switches import Switch, SwitchChange
from controlplane.contract.times import rfc3339
from controlplane.domain.fleet import Definitions, SwitchDefinition
from controlplane.domain.switch_alignment import waits_for


@dataclass(slots=True)
class SwitchPicture:
    """Shows what this replica knows, without asking anybody."""

    clock: Clock
    keys: Keys
    sight: SwitchSight
    publisher: Publisher
    definitions: Callable[[], Definitions]

    def all(self) -> SwitchesView:
        """The switches of every service."""
        declared = self._declared()
        services = sorted({*declared, *self.sight.known, *self.sight.drifts})
        return SwitchesView(
            as_of=rfc3339(self.clock.now()),
            services=tuple(self._service(service, declared.get(service, ())) for service in services),
        )

    def of(self, service: str) -> ServiceSwitchesView:
        """The switches of one service.

        Raises:
            KeyError: no such service, or it has no switches.
        """
        declared = self._declared()
        if not {service} & {*declared, *self.sight.known, *self.sight.drifts}:
            raise KeyError(service)
        return self._service(service, declared.get(service, ()))

    def _declared(self) -> dict[str, tuple[SwitchDefinition, ...]]:
        return {one.name: one.switches for one in self.definitions().fleet.services if one.switches}

    def _service(self, service: str, declared: tuple[SwitchDefinition, ...]) -> ServiceSwitchesView:
        known = self.sight.known.get(service)
        document = known.document if known else None
        definitions = {definition.name: definition for definition in declared}
        changes = self.sight.changes.get(service, {})
        seen = self.sight.drifts.get(service)
        return ServiceSwitchesView(
            service=service,
            revision=document.revision if document else None,
            change=_change(document.change) if document else None,
            switches=tuple(
                _switch(
                    name,
                    switch,
                    definitions.get(name),
                    changes.get(name),
                    key=self.keys.switch_value(service, name),
                )
                for name, switch in sorted((document.switches if document else {}).items())
            ),
            drift=DriftView(seen.drift.code, seen.drift.text, seen.since) if seen else None,
            unsettled=self.publisher.is_unsettled(SWITCHES, service),
            document_key=self.keys.document(SWITCHES, service),
        )


def _switch(
    name: str, switch: Switch, definition: SwitchDefinition | None, change: SwitchChange | None, *, key: str
) -> SwitchView:
    return SwitchView(
        name=name,
        type=switch.type,
        state=switch.state,
        value=switch.value,
        normal=switch.normal,
        percent=switch.percent,
        expires_at=rfc3339(switch.expires_at) if switch.expires_at else None,
        regions=tuple(
            OverrideView(region, one.state, one.value, rfc3339(one.expires_at) if one.expires_at else None)
            for region, one in sorted(switch.regions.items())
        ),
        degraded=definition.degraded if definition else None,
        declared=definition is not None,
        grade=definition.grade if definition else "",
        owner=definition.owner if definition else "",
        description=definition.description if definition else "",
        waiting=waits_for(switch, definition) if definition else None,
        changed=_change(change) if change else None,
        value_key=key,
    )


def _change(change: SwitchChange) -> SwitchChangeView:
    return SwitchChangeView(
        id=change.id,
        kind=change.kind,
        by=change.by,
        reason=change.reason,
        at=change.at,
        playbook=change.playbook,
    )
