"""Owns files and folders that only their owner may read: secrets, runtime facts, configuration."""

import os
import secrets
from pathlib import Path

from controlplane.processes.errors import ProcessError

_FILE_MODE = 0o600
_FOLDER_MODE = 0o700
_SECRET_BYTES = 32


def private_folder(path: Path) -> Path:
    """The folder, made with mode 0700 where it is missing.

    Raises:
        ProcessError: it cannot be made.
    """
    try:
        path.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    except OSError as error:
        raise ProcessError(f"cannot make the folder {path}: {error.strerror}") from error
    return path


def write_private(path: Path, text: str) -> None:
    """Replace a file as a whole, mode 0600: a reader sees the former text or the new one, never half.

    Raises:
        ProcessError: it cannot be written.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _FILE_MODE)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise ProcessError(f"cannot write {path}: {error.strerror}") from error


def kept_secret(path: Path, *, size_bytes: int = _SECRET_BYTES) -> str:
    """The secret in this file; a fresh random one of this size is put there at the first call.

    Raises:
        ProcessError: the file can neither be read nor written.
    """
    try:
        return path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        secret = secrets.token_urlsafe(size_bytes)
        write_private(path, secret)
        return secret
    except OSError as error:
        raise ProcessError(f"cannot read {path}: {error.strerror}") from error
