"""Reads a stream of events as a program does: message by message."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

PATIENCE_SECONDS = 30.0
EVENTS = "/api/v1/events"


@dataclass(frozen=True)
class Message:
    """One message of a stream; what it does not carry is None."""

    event: str | None
    id: str | None
    retry: str | None
    data: Any


class Stream:
    """An answer that goes on."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.aiter_lines()

    async def next(self) -> Message:
        """The next message; `StopAsyncIteration` where the stream has ended."""
        fields: dict[str, str] = {}
        async for line in self._lines:
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
            elif fields:
                break
        else:
            raise StopAsyncIteration
        data = fields.get("data")
        return Message(fields.get("event"), fields.get("id"), fields.get("retry"), data and json.loads(data))


@asynccontextmanager
async def streamed(
    url: str, *, role: str = "viewer", headers: Mapping[str, str] | None = None, query: str = ""
) -> AsyncIterator[Stream]:
    """A stream from a server, opened and admitted."""
    own = {"Authorization": f"Bearer {role}-token", **(headers or {})}
    async with (
        httpx.AsyncClient(base_url=url, headers=own, timeout=PATIENCE_SECONDS) as client,
        client.stream("GET", f"{EVENTS}{query}") as response,
    ):
        assert response.status_code == 200, await response.aread()
        yield Stream(response)
