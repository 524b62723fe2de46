"""Owns what is shown of confirmation: k of n per document, how long it took, and who is missing and why."""

from collections.abc import Mapping
from dataclasses import dataclass

from controlplane.domain.acknowledgement import AckClass
from controlplane.domain.confirmation import Confirmation, Named


@dataclass(frozen=True, slots=True)
class StragglerView:
    """An instance that does not confirm, or one that confirms from elsewhere than Consul."""

    instance: str
    region: str
    ack: str
    """ahead, nack, behind, override, silent, offline or confirmed."""
    revision: int
    """What it holds; 0: nothing, or unknown."""
    text: str
    """More for people; from the network, cut and not escaped."""
    vantage: str
    """From where it was heard."""


@dataclass(frozen=True, slots=True)
class SpreadView:
    """Milliseconds from a prober's seeing the revision in Consul to its hearing an instance confirm it."""

    p50_ms: int
    p95_ms: int
    max_ms: int


@dataclass(frozen=True, slots=True)
class ConfirmationView:
    """How a document stands with the instances that follow it."""

    kind: str
    name: str
    revision: int
    """0: there is no document, yet somebody holds one."""
    instances: int
    """The n of `k of n`: all that follow the document outside regions in maintenance."""
    confirmed: int
    """The k: those that say themselves that they hold these bytes."""
    counts: Mapping[str, int]
    """Instances by class; they add up to n, or to nothing where no vantage is heard."""
    took: SpreadView | None
    """None where no prober saw the document change; of several vantages, the slowest one's."""
    stragglers: tuple[StragglerView, ...]
    """At most 20, the worst first."""
    vantages: tuple[str, ...]
    """Whose word is in it; empty: nothing is known of this revision yet."""


def confirmation_view(one: Confirmation) -> ConfirmationView:
    """A confirmation as it is shown."""
    spread = one.spread
    return ConfirmationView(
        kind=one.document.kind,
        name=one.document.name,
        revision=one.document.revision,
        instances=one.instances,
        confirmed=one.confirmed,
        counts={ack.value: one.counts[ack] for ack in AckClass if one.counts.get(ack)},
        took=SpreadView(spread.p50_ms, spread.p95_ms, spread.max_ms) if spread else None,
        stragglers=tuple(_straggler(named) for named in one.named),
        vantages=one.vantages,
    )


def _straggler(named: Named) -> StragglerView:
    who = named.straggler
    return StragglerView(who.instance, named.region, who.ack, who.revision, who.text, named.vantage)
