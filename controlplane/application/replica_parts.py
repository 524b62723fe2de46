"""Owns the parts of one replica: what there is, and who is plugged into whom."""

from functools import cached_property

from controlplane.application.catalog_sync import Adoption, CatalogSync
from controlplane.application.control_loop import ControlLoop
from controlplane.application.definitions_keeper import DefinitionsKeeper
from controlplane.application.event_feed import EventFeed
from controlplane.application.events import EventHub
from controlplane.application.gatekeeper import TokenGatekeeper
from controlplane.application.history_parts import HistoryParts
from controlplane.application.journaller import Journaller, Leading
from controlplane.application.leadership import Leadership
from controlplane.application.mirror import StoreMirror
from controlplane.application.moving import AUTOMATION, Mover
from controlplane.application.numbering import Numbering
from controlplane.application.observing import Observer
from controlplane.application.people_parts import PeopleParts
from controlplane.application.publisher import Publisher
from controlplane.application.recollecting import Recollection
from controlplane.application.registry_service import RegistryService
from controlplane.application.restraining import Restrainer
from controlplane.application.standing import Standing
from controlplane.application.status import StatusQueries
from controlplane.application.switch_parts import SwitchParts
from controlplane.application.upkeep import Upkeep
from controlplane.application.world import Ports, Traits
from controlplane.domain.budget import Budget
from controlplane.domain.decision import Evaluation
from controlplane.domain.restraint import Restraints


class ReplicaParts:
    """Each part is made when it is first asked for."""

    def __init__(self, ports: Ports, traits: Traits) -> None:
        self.ports = ports
        self.traits = traits
        self.holder = ports.identifiers.new()
        """Random per process start: two processes of one name never take each other for themselves."""

    @cached_property
    def mirror(self) -> StoreMirror:
        """What this replica knows of the store."""
        return StoreMirror(self.ports.store, self.traits.keys, self.ports.clock)

    @cached_property
    def numbering(self) -> Numbering:
        """The numbers that must never be given out twice."""
        return Numbering(self.ports.store, self.traits.keys, self.ports.floors)

    @cached_property
    def publisher(self) -> Publisher:
        """The one way to publish."""
        see = self.history.evaluations.see_result
        return Publisher(self.ports.store, self.traits.keys, self.ports.clock, by=AUTOMATION, on_result=see)

    @cached_property
    def restrainer(self) -> Restrainer:
        """Who writes `pause`."""
        return Restrainer(
            self.ports.store,
            self.traits.keys,
            self.ports.clock,
            self.ports.identifiers,
            identity=self._identity,
            fleet=lambda: self.registry.current().fleet,
        )

    @cached_property
    def standing(self) -> Standing:
        """Which store answers."""
        return Standing(
            self.ports.store,
            self.traits.keys,
            self.ports.identifiers,
            may_found=lambda: self.definitions.database_available,
            first_pause=Restraints().to_bytes(),
            first_budget=Budget().to_bytes(),
            on_other=self._meet_other_store,
        )

    @cached_property
    def leadership(self) -> Leadership:
        """Who leads."""
        return Leadership(
            self.ports.store,
            self.traits.keys,
            self.ports.clock,
            self.holder,
            self.traits.api,
            identity=self._identity,
            term_floor=lambda: self.numbering.term,
            log_bytes=lambda: self.journaller.log_bytes,
            on_change=self._note_leadership,
        )

    @cached_property
    def registry(self) -> RegistryService:
        """The definitions at hand."""
        return RegistryService(
            repository=self.ports.registry,
            cache=self.ports.definitions_cache,
            form=self.ports.fleet_format,
            announce=lambda revision: self.definitions.announce(revision),  # noqa: PLW0108 - they need each other
            announced=lambda: self.mirror.view().number(self.traits.keys.registry),
        )

    @cached_property
    def definitions(self) -> DefinitionsKeeper:
        """That they are the current ones."""
        return DefinitionsKeeper(
            self.ports.store,
            self.mirror,
            self.ports.clock,
            identity=self._identity,
            current=self.registry.current,
            refresh=self.registry.refresh,
            stored_revision=self.ports.registry.revision,
        )

    @cached_property
    def observer(self) -> Observer:
        """What a decision rests on."""
        return Observer(
            self.ports.store,
            self.mirror,
            self.leadership,
            self.publisher,
            self.numbering,
            self.registry.current,
            self.ports.clock,
        )

    @cached_property
    def mover(self) -> Mover:
        """Who carries out a move."""
        return Mover(self.observer, self.publisher, self.numbering, self.ports.identifiers, self.ports.clock)

    @cached_property
    def loop(self) -> ControlLoop:
        """The walk."""
        return ControlLoop(
            self.mirror,
            self.observer,
            self.leadership,
            self.mover,
            self.ports.clock,
            on_evaluation=self._see_evaluation,
        )

    @cached_property
    def recollection(self) -> Recollection:
        """What was published last."""
        return Recollection(self.ports.store, self.ports.journal, self.traits.keys, self.numbering)

    @cached_property
    def upkeep(self) -> Upkeep:
        """That documents follow the definitions."""
        return Upkeep(
            self.ports.store,
            self.mirror,
            self.observer,
            self.leadership,
            self.mover,
            self.numbering,
            self.recollection,
            self.ports.clock,
            home=self.traits.home,
            database_available=lambda: self.definitions.database_available,
        )

    @cached_property
    def journaller(self) -> Journaller:
        """That history follows the log."""
        return Journaller(
            self.ports.log_store,
            self.ports.journal,
            self.traits.keys,
            self.ports.clock,
            leading=self._leading,
            retention=self.traits.log_retention,
        )

    @cached_property
    def gatekeeper(self) -> TokenGatekeeper:
        """Who may come in."""
        return TokenGatekeeper(self.ports.tokens, self.ports.token_cache, self.traits.local_tokens)

    @cached_property
    def people(self) -> PeopleParts:
        """Who logs in."""
        return PeopleParts(self.ports, self.traits, self.gatekeeper)

    @cached_property
    def switches(self) -> SwitchParts:
        """The switch half."""
        return SwitchParts(
            ports=self.ports,
            keys=self.traits.keys,
            mirror=self.mirror,
            numbering=self.numbering,
            publisher=self.publisher,
            leadership=self.leadership,
            definitions=self.registry.current,
            identity=self._identity,
            database_available=lambda: self.definitions.database_available,
            on_change=lambda: self.events.wake(),  # noqa: PLW0108 - they need each other
        )

    @cached_property
    def adoption(self) -> Adoption:
        """That instances follow the Consul catalog."""
        sync = CatalogSync(registry=self.registry, catalog=self.ports.catalog)
        return Adoption(sync, leading=self._is_leading)

    @cached_property
    def history(self) -> HistoryParts:
        """What is kept of what was seen and decided."""
        return HistoryParts(self.ports, self.traits, leading=self._is_leading)

    @cached_property
    def queries(self) -> StatusQueries:
        """The picture of the whole."""
        return StatusQueries(
            self.ports.store,
            self.ports.journal,
            self.ports.clock,
            self.holder,
            self.loop,
            self.observer,
            self.leadership,
            self.publisher,
            self.restrainer,
            self.standing,
            self.definitions,
            self.journaller,
            unloaded=lambda: not self.registry.loaded,
            switch_alarms=lambda: self.switches.alarms,
        )

    @cached_property
    def events(self) -> EventFeed:
        """What readers are told as it happens."""
        return EventFeed(
            EventHub(self.holder, self.ports.clock),
            self.ports.clock,
            status=self.queries.status,
            switch_documents=lambda: self.switches.sight.documents,
        )

    def _identity(self) -> str | None:
        return self.standing.identity

    def _is_leading(self) -> bool:
        return self.leadership.tenure is not None

    def _leading(self) -> Leading | None:
        tenure = self.leadership.tenure
        return Leading(tenure.identity, tenure.term_index) if tenure else None

    def _see_evaluation(self, evaluation: Evaluation) -> None:
        self.history.evaluations.see(evaluation)
        self.events.wake()

    def _note_leadership(self) -> None:
        if self.leadership.tenure:
            self.numbering.see_term(self.leadership.tenure.term)
        self.mirror.changed.set()

    def _meet_other_store(self, identity: str | None) -> None:
        self.leadership.step_down(f"the store is now {identity}")
        self.mirror.forget()
