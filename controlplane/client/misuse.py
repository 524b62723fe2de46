"""Owns what a service gets wrong about its switches: counted, and said once for each, never raised."""

import logging
from collections.abc import Mapping
from types import MappingProxyType

from controlplane.contract.switches import SwitchType

NAMES_MAX = 1000
"""A service that makes names up must not fill the memory."""

_log = logging.getLogger(__name__)


class Misuse:
    """How often which switch was asked for in vain. Counts are approximate where threads ask at once."""

    def __init__(self) -> None:
        self._unknown: dict[str, int] = {}
        self._mistyped: dict[str, int] = {}
        self.unknown: Mapping[str, int] = MappingProxyType(self._unknown)
        self.mistyped: Mapping[str, int] = MappingProxyType(self._mistyped)

    def unknown_switch(self, switch: str, service: str | None) -> None:
        """Note that there is no such switch, or no service whose switches could be asked for."""
        if _first(self._unknown, switch):
            _log.error("switch %r of service %r is not declared: the code's default holds", switch, service)

    def mistyped_default(self, switch: str, kind: SwitchType, default: object) -> None:
        """Note that a default is of another type than its switch."""
        if _first(self._mistyped, switch):
            found = type(default).__name__
            _log.error(
                "switch %r is of type %s, its default of type %s: the default holds", switch, kind, found
            )


def _first(counts: dict[str, int], switch: str) -> bool:
    """Count one more; says whether it is the first of this name."""
    if switch not in counts and len(counts) >= NAMES_MAX:
        return False
    counts[switch] = counts.get(switch, 0) + 1
    return counts[switch] == 1
