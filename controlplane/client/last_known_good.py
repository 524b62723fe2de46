"""Owns the file that a reader starts from when Consul does not answer: the exact bytes of one document."""

import os
import tempfile
from pathlib import Path

from controlplane.contract.documents import DOCUMENT_BYTES_MAX


class LastKnownGood:
    """One document on disk, in a folder that belongs to one service process alone."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._written = b""

    def is_ours(self) -> bool:
        """Whether it stands there as this object wrote it last; no, where it cannot be read."""
        try:
            return bool(self._written) and self.load() == self._written
        except OSError:
            return False

    def load(self) -> bytes | None:
        """What was saved last; None where there is nothing.

        Raises:
            OSError: there is a file, and it cannot be read.
        """
        try:
            with self.path.open("rb") as file:
                return file.read(DOCUMENT_BYTES_MAX + 1)
        except FileNotFoundError:
            return None

    def save(self, raw: bytes) -> None:
        """Replace the file: written beside it, synced, renamed, mode 0600.

        Raises:
            OSError: the former file is untouched.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, beside = tempfile.mkstemp(prefix=f".{self.path.name}.", dir=self.path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(raw)
                file.flush()
                os.fsync(file.fileno())
            Path(beside).replace(self.path)
        except OSError:
            Path(beside).unlink(missing_ok=True)
            raise
        self._written = raw
