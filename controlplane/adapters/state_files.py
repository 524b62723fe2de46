"""Owns the small JSON files by which a replica remembers what it must not forget while PostgreSQL is away."""

import json
import logging
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from controlplane.application.ports import Floors, Token, User

_FILE_MODE = 0o600

logger = logging.getLogger(__name__)


class TokenFile:
    """Hashes of tokens, behind the port `TokenCache`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> Sequence[Token]:
        """What was saved last; empty where there is nothing readable."""
        fields = _read(self._path)
        try:
            return [Token(**token) for token in fields["tokens"]] if fields else []
        except (KeyError, TypeError) as error:
            logger.warning("token file is unreadable", extra={"path": str(self._path), "error": str(error)})
            return []

    def save(self, tokens: Sequence[Token]) -> None:
        """Replace the file, if it says anything else."""
        _write(self._path, {"tokens": [asdict(token) for token in tokens]})


class UserFile:
    """Known users with the hashes of their passwords, behind the port `UserCache`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> Sequence[User]:
        """What was saved last; empty where there is nothing readable."""
        fields = _read(self._path)
        try:
            return [User(**user) for user in fields["users"]] if fields else []
        except (KeyError, TypeError) as error:
            logger.warning("user file is unreadable", extra={"path": str(self._path), "error": str(error)})
            return []

    def save(self, users: Sequence[User]) -> None:
        """Replace the file, if it says anything else."""
        _write(self._path, {"users": [asdict(user) for user in users]})


class FloorFile:
    """The highest numbers ever seen, behind the port `FloorCache`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> Floors:
        """What was saved last; zeros where there is nothing readable."""
        fields = _read(self._path)
        try:
            return Floors(**fields) if fields else Floors()
        except TypeError as error:
            logger.warning("floor file is unreadable", extra={"path": str(self._path), "error": str(error)})
            return Floors()

    def save(self, floors: Floors) -> None:
        """Replace the file."""
        _write(self._path, asdict(floors))


def _read(path: Path) -> dict[str, Any] | None:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        logger.warning("file is unreadable", extra={"path": str(path), "error": str(error)})
        return None
    return value if isinstance(value, dict) else None


def _write(path: Path, fields: dict[str, Any]) -> None:
    """Replace a file as a whole; one that cannot be written is logged, for the memory still knows."""
    text = json.dumps(fields, sort_keys=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if path.exists() and path.read_text(encoding="utf-8") == text:
            return
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _FILE_MODE), "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        logger.warning("file was not written", extra={"path": str(path), "error": str(error)})
