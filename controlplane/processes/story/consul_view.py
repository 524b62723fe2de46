"""Owns the story's view of Consul: documents and reports, seen as soon as they are committed."""

import base64
from collections.abc import AsyncGenerator, Mapping

import httpx

from controlplane.contract.documents import DocumentKind, FailoverDocument, parse_failover
from controlplane.contract.keys import Keys
from controlplane.domain.report import CellCounts, CellKey, parse_report

WAIT_SECONDS = 10
ANSWER_SECONDS_MAX = 15.0


class ConsulView:
    """Reads Consul by blocking queries."""

    def __init__(self, http: httpx.AsyncClient, keys: Keys) -> None:
        self._http = http
        self._keys = keys

    async def documents(self, group: str) -> AsyncGenerator[FailoverDocument, None]:
        """The failover document of a group, now and at every change."""
        key = self._keys.document(DocumentKind.FAILOVER, group)
        async for entries in self._watch(key):
            if key in entries:
                yield parse_failover(entries[key])

    async def cells(self, cell: CellKey) -> AsyncGenerator[CellCounts, None]:
        """What each prober counts in a cell, now and at every report."""
        async for entries in self._watch(self._keys.vantages):
            for key, raw in entries.items():
                vantage, _, prober = key.removeprefix(self._keys.vantages).partition("/")
                counts = parse_report(vantage, prober, raw).cells.get(cell)
                if counts is not None:
                    yield counts

    async def mirrored(self, group: str) -> str:
        """The plain text that readers without JSON get."""
        response = await self._http.get(f"/v1/kv/{self._keys.failover_value(group)}", params={"raw": ""})
        response.raise_for_status()
        return response.text

    async def _watch(self, prefix: str) -> AsyncGenerator[Mapping[str, bytes], None]:
        index = "0"
        while True:
            response = await self._http.get(
                f"/v1/kv/{prefix}",
                params={"recurse": "", "index": index, "wait": f"{WAIT_SECONDS}s"},
                timeout=ANSWER_SECONDS_MAX,
            )
            index = response.headers["X-Consul-Index"]
            if response.status_code == httpx.codes.OK:
                yield {entry["Key"]: base64.b64decode(entry["Value"] or "") for entry in response.json()}
