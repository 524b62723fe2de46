"""Owns how confirmation is told: k of n, each class with its shape, and by name whoever does not confirm."""

from collections.abc import Iterable
from dataclasses import dataclass

from controlplane.application.confirm_views import ConfirmationView, SpreadView, StragglerView
from controlplane.console.marks import Mark, Shape
from controlplane.console.texts import gettext as _

_CLASSES = {
    "confirmed": Shape.UP,
    "behind": Shape.MOVING,
    "nack": Shape.DOWN,
    "ahead": Shape.DOWN,
    "override": Shape.DEGRADED,
    "silent": Shape.UNKNOWN,
    "offline": Shape.UNKNOWN,
}
_SETTLED = frozenset({"silent", "offline", "override"})
"""Who will not confirm soon: waiting for them is waiting for somebody else."""
MILLISECONDS = 1000


@dataclass(frozen=True, slots=True)
class Reader:
    """An instance that does not confirm."""

    instance: str
    region: str
    mark: Mark
    holds: str
    text: str
    vantage: str


@dataclass(frozen=True, slots=True)
class Readers:
    """How a document stands with those that follow it."""

    mark: Mark
    confirmed: int
    instances: int
    classes: tuple[tuple[Mark, int], ...]
    took: str
    """Measured times; empty where no prober saw the document change."""
    slowest: str
    """The longest of them."""
    stragglers: tuple[Reader, ...]
    unnamed: int
    """How many more do not confirm."""
    vantages: str

    @property
    def count(self) -> Mark:
        """`12 of 15`, with the shape that it has."""
        said = {"done": self.confirmed, "total": self.instances}
        return Mark(self.mark.shape, _("%(done)d of %(total)d") % said)

    @property
    def complete(self) -> bool:
        """Whether everybody confirms."""
        return self.instances > 0 and self.confirmed == self.instances


def readers(
    confirmations: Iterable[ConfirmationView], kind: str, name: str, revision: int | None
) -> Readers | None:
    """Who has applied this revision; None: no vantage says anything of it (yet)."""
    for one in confirmations:
        if (one.kind, one.name, one.revision) == (kind, name, revision) and one.vantages:
            return _readers(one)
    return None


def duration_ms(milliseconds: int) -> str:
    """A measured time, to the precision that matters."""
    return f"{milliseconds} ms" if milliseconds < MILLISECONDS else f"{milliseconds / MILLISECONDS:.1f} s"


def _readers(one: ConfirmationView) -> Readers:
    named = tuple(_reader(who) for who in one.stragglers if who.ack != "confirmed")
    missing = one.instances - one.confirmed
    return Readers(
        mark=_mark(one),
        confirmed=one.confirmed,
        instances=one.instances,
        classes=tuple((_class(ack), count) for ack, count in one.counts.items() if count),
        took=_took(one.took) if one.took else "",
        slowest=duration_ms(one.took.max_ms) if one.took else "",
        stragglers=named,
        unnamed=max(0, missing - len(named)),
        vantages=", ".join(one.vantages),
    )


def _mark(one: ConfirmationView) -> Mark:
    if not one.instances:
        return Mark(Shape.UNKNOWN, _("nobody follows it"))
    if one.confirmed == one.instances:
        return Mark(Shape.UP, _("confirmed"))
    if one.counts.get("nack") or one.counts.get("ahead"):
        return Mark(Shape.DOWN, _("not confirmed by all"))
    if all(ack in _SETTLED for ack, count in one.counts.items() if count and ack != "confirmed"):
        return Mark(Shape.DEGRADED, _("not confirmed by all"))
    return Mark(Shape.MOVING, _("being applied"))


def _class(ack: str) -> Mark:
    return Mark(_CLASSES.get(ack, Shape.UNKNOWN), _(ack))


def _reader(who: StragglerView) -> Reader:
    return Reader(
        instance=who.instance,
        region=who.region,
        mark=_class(who.ack),
        holds=_("revision %d") % who.revision if who.revision else _("nothing known"),
        text=who.text,
        vantage=who.vantage,
    )


def _took(spread: SpreadView) -> str:
    return _("half within %(p50)s, 95%% within %(p95)s, the last after %(max)s") % {
        "p50": duration_ms(spread.p50_ms),
        "p95": duration_ms(spread.p95_ms),
        "max": duration_ms(spread.max_ms),
    }
