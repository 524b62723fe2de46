"""What really stands in Consul, read past the product."""

import base64
from collections.abc import Mapping

import httpx

from controlplane.contract.documents import FailoverDocument, parse_failover
from controlplane.contract.keys import DEFAULT_PREFIX, Keys
from controlplane.domain.leadership import LeaderRecord, parse_leader
from controlplane.domain.report import CellCounts, CellKey, parse_report

ANSWER_SECONDS_MAX = 5.0


class ConsulSight:
    """Reads the keys below one prefix; `httpx.TransportError` where Consul does not answer."""

    def __init__(self, address: str, prefix: str = DEFAULT_PREFIX) -> None:
        self.keys = Keys(prefix)
        self._address = address

    async def entries(self, prefix: str | None = None) -> Mapping[str, bytes]:
        """Every key below a prefix and its value, at one moment."""
        below = self.keys.prefix if prefix is None else prefix
        async with httpx.AsyncClient(timeout=ANSWER_SECONDS_MAX, trust_env=False, verify=False) as http:
            response = await http.get(f"http://{self._address}/v1/kv/{below}?recurse&consistent")
        if response.status_code == httpx.codes.NOT_FOUND:
            return {}
        if response.status_code != httpx.codes.OK:
            raise httpx.ReadError(f"HTTP {response.status_code} {response.text}")
        return {entry["Key"]: base64.b64decode(entry["Value"] or "") for entry in response.json()}

    async def document(self, group: str) -> FailoverDocument | None:
        """What services of a group read."""
        key = self.keys.document("failover", group)
        raw = (await self.entries(key)).get(key)
        return None if raw is None else parse_failover(raw)

    async def held(self, group: str) -> FailoverDocument:
        """The same, where it must be there."""
        document = await self.document(group)
        assert document is not None
        return document

    async def leader(self) -> LeaderRecord | None:
        """Who leads."""
        raw = (await self.entries(self.keys.leader)).get(self.keys.leader)
        return None if raw is None else parse_leader(raw)

    async def cell(self, service: str, region: str) -> CellCounts:
        """What all probers together count in a cell."""
        counts = CellCounts()
        for key, raw in (await self.entries(self.keys.vantages)).items():
            vantage, _, prober = key.removeprefix(self.keys.vantages).partition("/")
            counts += parse_report(vantage, prober, raw).cells.get(CellKey(service, region), CellCounts())
        return counts
