"""Tallies as a prober counts them."""

from collections import Counter
from collections.abc import Iterable, Sequence

from controlplane.domain.acknowledgement import AckClass, Finding, InForce
from controlplane.domain.confirmation import Tally, straggler_of, tally


def counted(
    document: InForce, found: Iterable[tuple[str, str, Finding]], seconds: Sequence[float] = ()
) -> Tally:
    """The tally of these instances: id, region, finding."""
    regions: dict[str, Counter[AckClass]] = {}
    stragglers = []
    for name, region, finding in found:
        regions.setdefault(region, Counter())[finding.ack] += 1
        stragglers.append(straggler_of(name, finding))
    return tally(document, regions, filter(None, stragglers), seconds)
