"""Confirmations as the application would give them: complete, with stragglers, unknown."""

from controlplane.application.confirm_views import ConfirmationView, SpreadView, StragglerView


def confirmation(
    name: str = "checkout",
    *stragglers: StragglerView,
    kind: str = "failover",
    instances: int = 45,
    revision: int = 16,
    counts: dict[str, int] | None = None,
    took: SpreadView | None = None,
    vantages: tuple[str, ...] = ("us-1", "eu-1", "ap-1"),
) -> ConfirmationView:
    """Everybody confirms, unless the counts say otherwise."""
    counts = {"confirmed": instances} if counts is None else counts
    return ConfirmationView(
        kind=kind,
        name=name,
        revision=revision,
        instances=instances,
        confirmed=counts.get("confirmed", 0),
        counts=counts,
        took=took,
        stragglers=stragglers,
        vantages=vantages,
    )


def straggler(instance: str, ack: str, text: str = "", *, revision: int = 0) -> StragglerView:
    """One that does not confirm."""
    return StragglerView(instance, "us-east", ack, revision, text, "us-1")
