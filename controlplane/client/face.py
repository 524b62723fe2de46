"""Owns what a service may ask its reader: the same questions of every client, answered from memory."""

from collections.abc import Iterable, Mapping
from typing import TypeVar

from controlplane.client.changes import Change, Listener, Listeners
from controlplane.client.clock import Clock, SystemClock
from controlplane.client.misuse import Misuse
from controlplane.client.standing import Standing
from controlplane.client.switches import SwitchesInForce, is_of
from controlplane.contract.applied import Applied, render
from controlplane.contract.documents import DocumentKind, FailoverDocument, Handover

Value = TypeVar("Value")


class Face:
    """Answers from what is in force; every method may be called from any thread, and none waits.

    Args:
        groups: names of the failover groups to follow.
        service: whose switches to follow; None: no switches.
        region: where this process runs: whose overrides of switches hold here.
        defaults: the active region of each group that has never had a document.
        clock: for tests.
    """

    def __init__(
        self,
        groups: Iterable[str] = (),
        *,
        service: str | None = None,
        region: str | None = None,
        defaults: Mapping[str, str] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._clock = clock or SystemClock()
        self._region = region
        self._service = service
        self._defaults = dict(defaults or {})
        self._groups = {
            group: Standing[FailoverDocument](DocumentKind.FAILOVER, group, self._clock) for group in groups
        }
        self._switches = Standing[SwitchesInForce](DocumentKind.SWITCHES, service or "", self._clock)
        self._listeners = Listeners()
        self._misuse = Misuse()

    # ── switches ──

    def enabled(self, switch: str, *, unit: str | None = None, default: bool) -> bool:
        """The value of a switch of type bool; see `value`."""
        return self.value(switch, unit=unit, default=default)

    def value(self, switch: str, *, unit: str | None = None, default: Value) -> Value:
        """What a switch is worth here and now, for `unit` where it is degraded for a share of units.

        `default` answers as long as no document is known, for a switch that is not declared, and where it is
        itself of another type than the switch; the last two are mistakes, which are counted and logged once.
        """
        switches = self._switches.current
        if switches is None:
            if self._service is None:
                self._misuse.unknown_switch(switch, None)
            return default
        entry = switches.get(switch)
        if entry is None:
            self._misuse.unknown_switch(switch, self._service)
            return default
        if not is_of(entry.type, default):
            self._misuse.mistyped_default(switch, entry.type, default)
            return default
        value: Value = switches.value(switch, unit)
        return value

    @property
    def unknown_switches(self) -> Mapping[str, int]:
        """Switch → how often it was asked for although it is not declared."""
        return self._misuse.unknown

    @property
    def mistyped_defaults(self) -> Mapping[str, int]:
        """Switch → how often it was asked for with a default of another type."""
        return self._misuse.mistyped

    # ── failover ──

    def active_region(self, group: str) -> str | None:
        """The active region of a group; None while it is fenced or retired, or before any is known.

        Of an exclusive group it is always None: only a reader that keeps a lease may say more.

        Raises:
            KeyError: this client does not follow that group.
        """
        document = self.document(group)
        if document is None:
            return self._defaults.get(group)
        return None if document.handover is Handover.EXCLUSIVE else document.active

    def document(self, group: str) -> FailoverDocument | None:
        """The failover document in force; None before there was any.

        Raises:
            KeyError: this client does not follow that group.
        """
        return self._groups[group].current

    # ── both ──

    def revision(self, document: str) -> int:
        """The revision in force of a document, spelled as in the header: `switches.checkout`; 0 before any.

        Raises:
            KeyError: this client does not follow that document.
        """
        for standing in self._standings():
            if str(standing) == document:
                current = standing.current
                return current.revision if current else 0
        raise KeyError(document)

    def on_change(self, listener: Listener) -> None:
        """Call `listener` after each change has been put in force, on the thread that follows."""
        self._listeners.add(listener)

    def applied_header(self) -> str:
        """The value of `Controlplane-Applied` for every health response of this process."""
        return render(self._applied())

    def _applied(self) -> list[Applied]:
        return [standing.applied() for standing in self._standings()]

    def _standings(self) -> list[Standing[FailoverDocument] | Standing[SwitchesInForce]]:
        switches = [self._switches] if self._service is not None else []
        return [*self._groups.values(), *switches]

    def _tell_of_region(self, _former: FailoverDocument | None, document: FailoverDocument) -> None:
        self._listeners.tell(
            Change(kind=DocumentKind.FAILOVER, name=document.group, revision=document.revision)
        )

    def _tell_of_switches(self, former: SwitchesInForce | None, current: SwitchesInForce) -> None:
        self._tell_of(current, current.changes_since(former))

    def _tell_of(self, current: SwitchesInForce, switches: tuple[str, ...]) -> None:
        self._listeners.tell(
            Change(
                kind=DocumentKind.SWITCHES,
                name=current.document.service,
                revision=current.revision,
                switches=switches,
            )
        )
