"""Owns who is told of changes, and what they are told."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from controlplane.contract.documents import DocumentKind

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Something is in force that was not before: a new revision, or an expiry that has passed."""

    kind: DocumentKind
    name: str
    """The failover group, or the service."""
    revision: int
    switches: tuple[str, ...] = ()
    """Of a service: the switches whose entry is another, or has expired."""


Listener = Callable[[Change], None]


class Listeners:
    """Those who want to know. They are called on the thread that follows, one after the other."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def add(self, listener: Listener) -> None:
        """Tell this one, too, from now on."""
        self._listeners.append(listener)

    def tell(self, change: Change) -> None:
        """Tell all; one that fails keeps nobody from knowing."""
        for listener in [*self._listeners]:
            try:
                listener(change)
            except Exception:  # noqa: BLE001 - a service's mistake must not stop the following
                _log.exception("a listener failed on %s.%s=%d", change.kind, change.name, change.revision)
