"""Owns how many instances confirm a document: one vantage's tally, and what the tallies of several come to.

Three rules. k of n: n are the instances of the document's services outside regions in maintenance, and only
who says so itself is among the k. A vantage is heard only on the document as it stands now, and only while
its counts add up to the registry's. Where vantages differ about an instance, the word that a person has to
look at first holds, offline last; so "n of n" is never said unless each of them says so.
"""

import heapq
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil

from controlplane.domain.acknowledgement import AckClass, Finding, InForce

STRAGGLERS_MAX = 20
"""Of one document: how many instances are named that do not plainly confirm it."""
_RANKS = {ack: rank for rank, ack in enumerate(AckClass)}

Counts = Mapping[AckClass, int]


@dataclass(frozen=True, slots=True)
class Straggler:
    """An instance that does not confirm a document, or one that confirms it from elsewhere than Consul."""

    instance: str
    ack: AckClass
    revision: int
    text: str


@dataclass(frozen=True, slots=True)
class Spread:
    """How long confirmation took, in milliseconds since the prober saw the revision in Consul."""

    p50_ms: int
    p95_ms: int
    max_ms: int


@dataclass(frozen=True, slots=True)
class Tally:
    """What one prober hears of one document."""

    revision: int
    sum: str
    """Of the document as this prober read it."""
    regions: Mapping[str, Counts]
    stragglers: tuple[Straggler, ...] = ()
    """At most 20, the worst first."""
    spread: Spread | None = None
    """None where this prober did not see the document change."""

    @property
    def totals(self) -> Mapping[str, int]:
        """Instances per region."""
        return {region: sum(counts.values()) for region, counts in self.regions.items()}

    @property
    def ahead(self) -> bool:
        """Whether anybody is: the worst word comes first."""
        return bool(self.stragglers) and self.stragglers[0].ack is AckClass.AHEAD

    def unconfirmed(self, region: str) -> int:
        """How many instances of a region do not confirm."""
        counts = self.regions.get(region, {})
        return sum(counts.values()) - counts.get(AckClass.CONFIRMED, 0)


@dataclass(frozen=True, slots=True)
class Named:
    """A straggler, and from where it was heard."""

    vantage: str
    region: str
    straggler: Straggler


@dataclass(frozen=True, slots=True)
class Confirmation:
    """How a document stands with all of its instances."""

    document: InForce
    instances: int
    """Outside regions in maintenance."""
    counts: Counts = field(default_factory=dict)
    named: tuple[Named, ...] = ()
    """At most 20, the worst first."""
    spread: Spread | None = None
    """Of the slowest vantage, each figure by itself."""
    vantages: tuple[str, ...] = ()
    """Whose word is in it; empty: nothing is known, and no count is given."""

    @property
    def confirmed(self) -> int:
        """The k of `k of n`."""
        return self.counts.get(AckClass.CONFIRMED, 0)

    @property
    def ahead(self) -> Mapping[str, int]:
        """Who holds something else than Consul under the same revision or a higher one, and which."""
        return {
            one.straggler.instance: one.straggler.revision
            for one in self.named
            if one.straggler.ack is AckClass.AHEAD
        }


# ── one vantage ──


def tally(
    document: InForce,
    regions: Mapping[str, Counts],
    stragglers: Iterable[Straggler],
    seconds: Sequence[float] = (),
) -> Tally:
    """Sum up what was found of all instances.

    `seconds`: how long each took to confirm that was seen to do so.
    """
    found = {
        region: {ack: count for ack, count in counts.items() if count} for region, counts in regions.items()
    }
    return Tally(document.revision, document.sum, found, _worst(stragglers), spread_of(seconds))


def straggler_of(instance: str, finding: Finding) -> Straggler | None:
    """The instance as it is named; None where it plainly confirms."""
    if finding.ack is AckClass.CONFIRMED and not finding.text:
        return None
    return Straggler(instance, finding.ack, finding.revision, finding.text)


def spread_of(seconds: Sequence[float]) -> Spread | None:
    """Percentiles by nearest rank; None of nothing."""
    if not seconds:
        return None
    milliseconds = sorted(round(value * 1000) for value in seconds)
    return Spread(*(milliseconds[ceil(share * len(milliseconds)) - 1] for share in (0.5, 0.95, 1.0)))


def add(tallies: Sequence[Tally]) -> Tally:
    """The tally of a vantage from those of its probers, each of a share of the fleet."""
    regions: dict[str, Counter[AckClass]] = {}
    for one in tallies:
        for region, counts in one.regions.items():
            regions.setdefault(region, Counter()).update(counts)
    stragglers = [straggler for one in tallies for straggler in one.stragglers]
    first = tallies[0]
    return Tally(first.revision, first.sum, regions, _worst(stragglers), _slowest(tallies))


# ── several vantages ──


def confirmation(
    document: InForce,
    words: Mapping[str, Sequence[Tally]],
    roster: Mapping[str, str],
    maintained: Collection[str] = (),
) -> Confirmation:
    """What the trusted vantages say together.

    `words` holds the tallies of each vantage's probers, `roster` the region of each instance that follows the
    document, `maintained` the regions in maintenance.
    """
    sizes = Counter(roster.values())
    tallies = {
        vantage: total
        for vantage, parts in words.items()
        for total in [_total(document, parts)]
        if total is not None and total.totals == sizes
    }
    served = {region: size for region, size in sizes.items() if region not in maintained}
    if not tallies:
        return Confirmation(document, sum(served.values()))
    named = _named(tallies, roster, served)
    counts: Counter[AckClass] = Counter()
    for region, size in served.items():
        counts.update(_counts(region, size, tallies, named.values()))
    return Confirmation(
        document=document,
        instances=sum(served.values()),
        counts=dict(counts),
        named=tuple(sorted(named.values(), key=lambda one: _order(one.straggler))[:STRAGGLERS_MAX]),
        spread=_slowest([*tallies.values()]),
        vantages=tuple(tallies),
    )


def _total(document: InForce, parts: Sequence[Tally]) -> Tally | None:
    """What a vantage says of the document as it stands now; None where a prober of it has not seen that."""
    current = all((one.revision, one.sum) == (document.revision, document.sum) for one in parts)
    return add(parts) if parts and current else None


def _named(
    tallies: Mapping[str, Tally], roster: Mapping[str, str], served: Collection[str]
) -> dict[str, Named]:
    """Every instance that some vantage names, with the worst word for it."""
    named: dict[str, Named] = {}
    for vantage, one in tallies.items():
        for straggler in one.stragglers:
            region, known = roster.get(straggler.instance), named.get(straggler.instance)
            if region not in served or (known and _order(known.straggler) <= _order(straggler)):
                continue
            named[straggler.instance] = Named(vantage, str(region), straggler)
    return named


def _counts(region: str, size: int, tallies: Mapping[str, Tally], named: Collection[Named]) -> Counts:
    """The counts of one region: from the names, where each vantage names everybody it misses.

    Else who is meant by the counts is unknown, and the vantage holds that sees the fewest confirm.
    """
    if all(_names_everybody(one, region, named) for one in tallies.values()):
        words = Counter(one.straggler.ack for one in named if one.region == region)
        words[AckClass.CONFIRMED] = size - words.total() + words[AckClass.CONFIRMED]
        return words
    return max(tallies.values(), key=lambda one: one.unconfirmed(region)).regions[region]


def _names_everybody(one: Tally, region: str, named: Collection[Named]) -> bool:
    here = {other.straggler.instance for other in named if other.region == region}
    missing = [straggler for straggler in one.stragglers if straggler.ack is not AckClass.CONFIRMED]
    return sum(straggler.instance in here for straggler in missing) == one.unconfirmed(region)


def _slowest(tallies: Sequence[Tally]) -> Spread | None:
    spreads = [one.spread for one in tallies if one.spread]
    if not spreads:
        return None
    return Spread(
        max(spread.p50_ms for spread in spreads),
        max(spread.p95_ms for spread in spreads),
        max(spread.max_ms for spread in spreads),
    )


def _worst(stragglers: Iterable[Straggler]) -> tuple[Straggler, ...]:
    return tuple(heapq.nsmallest(STRAGGLERS_MAX, stragglers, key=_order))


def _order(straggler: Straggler) -> tuple[int, str]:
    return _RANKS[straggler.ack], straggler.instance
