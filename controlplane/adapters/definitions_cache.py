"""Owns the file of the last definitions, by which a process starts while their source is away."""

import json
import logging
import os
from hashlib import sha256
from pathlib import Path
from typing import Any

from controlplane.application.fleet_file import fleet_from_mapping, fleet_to_mapping
from controlplane.contract.documents import canonical
from controlplane.domain.fleet import Definitions

FILE_BYTES_MAX = 64 * 1024 * 1024
_FILE_MODE = 0o600

logger = logging.getLogger(__name__)


class DefinitionsFile:
    """One file behind the port `DefinitionsCache`, replaced as a whole and checked by its SHA-256."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> Definitions | None:
        """What was saved last; None where there is nothing, or nothing readable, which is logged."""
        try:
            return _parse(_read(self._path))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            logger.warning(
                "definitions on disk are unreadable", extra={"path": str(self._path), "error": str(error)}
            )
            return None

    def save(self, definitions: Definitions) -> None:
        """Keep these. A file that cannot be written is logged: memory still knows."""
        content = {"revision": definitions.revision, "fleet": fleet_to_mapping(definitions.fleet)}
        try:
            _replace(self._path, canonical({"content": content, "sha256": _digest(content)}))
        except OSError as error:
            logger.warning(
                "definitions are not on disk", extra={"path": str(self._path), "error": str(error)}
            )


def _parse(raw: bytes) -> Definitions:
    fields = json.loads(raw)
    content = fields["content"]
    if _digest(content) != fields["sha256"]:
        raise ValueError("the checksum does not match: the file was cut or changed")
    return Definitions(int(content["revision"]), fleet_from_mapping(content["fleet"]))


def _digest(content: dict[str, Any]) -> str:
    return sha256(canonical(content)).hexdigest()


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        raw = file.read(FILE_BYTES_MAX + 1)
    if len(raw) > FILE_BYTES_MAX:
        raise ValueError(f"more than {FILE_BYTES_MAX:,} bytes")
    return raw


def _replace(path: Path, raw: bytes) -> None:
    """Write beside, sync, rename, sync the folder: after a loss of power it is the old file or the new."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _FILE_MODE), "wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
