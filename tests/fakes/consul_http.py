"""Consul's KV as a reader meets it over HTTP: blocking queries, indexes, and the ways in which it fails."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import httpx

Fault = Callable[[httpx.Request], Awaitable[httpx.Response]]


@dataclass
class FakeConsulHttp:
    """Give `transport` to the client; `fault` answers in Consul's place while it is set."""

    entries: dict[str, tuple[bytes, int]] = field(default_factory=dict)
    index: int = 10
    requests: list[httpx.URL] = field(default_factory=list)
    fault: Fault | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._answer)

    async def put(self, key: str, value: bytes) -> None:
        if self.entries.get(key, (None, 0))[0] != value:
            self.index += 1
            self.entries[key] = (value, self.index)
            self._wake()

    async def delete(self, key: str) -> None:
        self.index += 1
        del self.entries[key]
        self._wake()

    def restore(self, key: str, value: bytes, *, index: int) -> None:
        """Another store: its indexes start again, and nobody who waits is told."""
        self.index = index
        self.entries = {key: (value, index)}

    def asked(self) -> list[str | None]:
        """The index that each request carried."""
        return [url.params.get("index") for url in self.requests]

    def _wake(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request.url)
        if self.fault:
            return await self.fault(request)
        key = request.url.path.removeprefix("/v1/kv/")
        if index := request.url.params.get("index"):
            await self._wait(key, int(index), float(request.url.params["wait"].removesuffix("s")))
        value, modified = self.entries.get(key, (None, self.index))
        return answer(404 if value is None else 200, value or b"", index=modified)

    async def _wait(self, key: str, index: int, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                while self.entries.get(key, (None, self.index))[1] <= index:
                    await self.changed.wait()
        except TimeoutError:
            pass


def answer(status: int, body: bytes = b"", *, index: int | str | None = None) -> httpx.Response:
    """An answer that has yet to be read, as one from the network has."""
    headers = {} if index is None else {"X-Consul-Index": str(index), "X-Consul-KnownLeader": "true"}
    return httpx.Response(status, headers=headers, stream=httpx.ByteStream(body))


async def refuse(request: httpx.Request) -> httpx.Response:
    """Nobody listens."""
    raise httpx.ConnectError("connection refused", request=request)


async def no_leader(request: httpx.Request) -> httpx.Response:
    """A server without a leader answers nobody but those who ask for stale reads."""
    return answer(500, b"No cluster leader")
