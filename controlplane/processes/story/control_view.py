"""Owns the story's view of the control plane: what its REST API says, and the one act that a person does."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import httpx


class Refused(Exception):
    """The API did not do what it was asked; the text is its own."""


class ControlView:
    """Asks the REST API."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def status(self) -> Mapping[str, Any]:
        """Everything, as `GET /api/v1/status` shows it."""
        return await self._json("GET", "/api/v1/status")

    async def move(self, group: str, to: str, reason: str) -> None:
        """Move a group, as a person does.

        Raises:
            Refused: it was not done.
        """
        await self._json("POST", f"/api/v1/failover/{group}/move", json={"to": to, "reason": reason})

    async def rows(self, group: str) -> Mapping[int, str]:
        """Revision → change id of the latest rows of a group's history."""
        page = await self._json("GET", "/api/v1/changes", params={"kind": "failover", "name": group})
        return {row["revision"]: row["change_id"] for row in page["changes"]}

    async def _json(self, method: str, path: str, **options: Any) -> Mapping[str, Any]:
        response = await self._http.request(method, path, **options)
        if response.status_code != HTTPStatus.OK:
            raise Refused(f"{method} {path}: HTTP {response.status_code} {response.text}")
        answer: Mapping[str, Any] = response.json()
        return answer
