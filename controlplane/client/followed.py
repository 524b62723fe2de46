"""Owns one document that a client follows: where it stands in Consul, how it is read, where it is kept."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic

from controlplane.client.judgement import Document, Held
from controlplane.client.last_known_good import LastKnownGood
from controlplane.client.standing import Standing
from controlplane.contract.applied import AppliedSource

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Followed(Generic[Document]):
    """One document. `parse` refuses bytes by a `ValueError`.

    `on_change` is told what was in force before and what is now, on the thread that follows.
    """

    standing: Standing[Document]
    key: str
    parse: Callable[[bytes], Document]
    on_change: Callable[[Document | None, Document], None] = lambda _former, _current: None
    file: LastKnownGood | None = None

    def start_from_file(self) -> None:
        """Put the last-known-good file in force, where there is one that says more than what is."""
        kept = self._kept()
        if kept and (
            self.standing.held is None or kept.document.revision > self.standing.held.document.revision
        ):
            self.standing.put_in_force(kept)
            self.standing.acknowledge(kept)

    def keep(self, held: Held[Document]) -> None:
        """Write the last-known-good file, unless another process of the service knows better already."""
        if self.file is None or self._is_outdone(held):
            return
        try:
            self.file.save(held.raw)
        except OSError as error:
            # The value is in force all the same: a full disk must not hold a failover up.
            _log.warning("%s: in force, but not on disk: %s", self.key, error)

    def _is_outdone(self, held: Held[Document]) -> bool:
        """Whether the file holds a higher revision; what we wrote ourselves is older, and not taken apart."""
        if self.file is None or self.file.is_ours():
            return False
        kept = self._kept()
        return kept is not None and kept.document.revision > held.document.revision

    def _kept(self) -> Held[Document] | None:
        try:
            raw = self.file.load() if self.file else None
            return None if raw is None else Held(self.parse(raw), raw, AppliedSource.DISK)
        except (OSError, ValueError) as error:
            _log.warning("%s: the last-known-good file is of no use: %s", self.key, error)
            return None
