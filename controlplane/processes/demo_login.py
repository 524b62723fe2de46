"""Owns the demo's log-in: one operator, whose random password stays the same from start to start."""

from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

import httpx

from controlplane.processes.errors import ProcessError
from controlplane.processes.private_file import kept_secret, private_folder

NAME = "operator"
STORE_SECONDS_MAX = 10.0

_PASSWORD_BYTES = 12
"""16 characters: enough against guessing, few enough to be typed."""


@dataclass(frozen=True, slots=True)
class Login:
    """What the demo's visitor types."""

    name: str
    password: str = field(repr=False)


def demo_login(data_dir: Path) -> Login:
    """The log-in kept in this data folder, made at the first call, readable by its owner alone.

    Raises:
        ProcessError: the file can neither be read nor written.
    """
    return Login(NAME, kept_secret(private_folder(data_dir) / "login", size_bytes=_PASSWORD_BYTES))


async def store_login(*, api_url: str, token: str, login: Login) -> None:
    """Let the demo's visitor log in; doing so again changes nothing.

    Raises:
        ProcessError: the API does not take it.
    """
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=STORE_SECONDS_MAX) as http:
            response = await http.put(
                f"{api_url}/api/v1/users/{login.name}",
                json={"role": "operator", "password": login.password},
                headers={"Authorization": f"Bearer {token}"},
            )
    except httpx.HTTPError as error:
        raise ProcessError(f"the demo's log-in cannot be stored: {error}") from error
    if response.status_code != HTTPStatus.OK:
        raise ProcessError(f"the API refused the demo's log-in: HTTP {response.status_code} {response.text}")
