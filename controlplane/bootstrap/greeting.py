"""Owns what is said to the person who typed `serve` once everything is up: where, and how to get in."""

from pathlib import Path

import httpx

from controlplane.processes.runtime_file import Runtime

ASK_SECONDS_MAX = 2.0


def greeting(runtime: Runtime, data_dir: Path) -> str:
    """Where the console is, and how the first user is added where there is none."""
    where = f"controlplane is up: {runtime.api}"
    if not _has_nobody(runtime):
        return where
    command = f"controlplane user add NAME --role admin --data-dir {data_dir}"
    return f"{where}\nNobody may log in yet. The first one: {command}"


def _has_nobody(runtime: Runtime) -> bool:
    """Whether it is certain that no user is known."""
    headers = {"Authorization": f"Bearer {runtime.token}"}
    try:
        with httpx.Client(trust_env=False, timeout=ASK_SECONDS_MAX) as http:
            answer = http.get(f"{runtime.api}/api/v1/users", headers=headers)
        return bool(answer.is_success) and answer.json() == {"users": []}
    except (httpx.HTTPError, ValueError):
        return False
