"""Owns the answers that say how many instances confirm a document."""

from controlplane.api.schemas.base import Answer


class StragglerAnswer(Answer):
    """An instance that does not confirm, or one that confirms from elsewhere than Consul."""

    instance: str
    """Its id."""
    region: str
    """Where it is."""
    ack: str
    """`ahead`, `nack`, `behind`, `override`, `silent`, `offline`; `confirmed` from elsewhere than Consul."""
    revision: int
    """What it holds; 0: nothing, or unknown."""
    text: str
    """More for people, at most 120 characters. It comes from the network: escape it."""
    vantage: str
    """From where it was heard."""


class SpreadAnswer(Answer):
    """Milliseconds from a prober's seeing the revision in Consul to its hearing an instance confirm it."""

    p50_ms: int
    """Half of the instances took no longer."""
    p95_ms: int
    """95 of 100 instances took no longer."""
    max_ms: int
    """The slowest one."""


class ConfirmationAnswer(Answer):
    """How a document stands with the instances that follow it."""

    kind: str
    """`failover` or `switches`."""
    name: str
    """Of the group, or of the service."""
    revision: int
    """In force in Consul; 0: there is no document, yet somebody holds one."""
    instances: int
    """All that follow the document, outside regions in maintenance: the n of `k of n`."""
    confirmed: int
    """Those that say themselves that they hold these bytes: the k."""
    counts: dict[str, int]
    """Instances by class; they add up to `instances`. Empty where `vantages` is."""
    took: SpreadAnswer | None
    """Of the slowest vantage; null where no prober saw the document change."""
    stragglers: list[StragglerAnswer]
    """At most 20, the worst first."""
    vantages: list[str]
    """The trusted vantages whose word is in it; empty: nothing is known of this revision yet."""


class ConfirmationsAnswer(Answer):
    """Every document of the definitions."""

    as_of: str
    """The moment that it describes; RFC 3339."""
    confirmations: list[ConfirmationAnswer]
    """Groups first, in the order of the fleet file."""
