"""The process of `controlplane.client` in `bench.client`: the client for threads, on a real Consul."""

from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp

from bench._client_child import Reader, measure
from controlplane.client import SyncClient

SERVICE = "checkout"


class Ours:
    """Answers as a service asks it."""

    def __init__(self, client: SyncClient) -> None:
        self._client = client

    def enabled(self, switch: str) -> bool:
        """Whether it is on."""
        return self._client.enabled(switch, default=False)

    def enabled_for(self, switch: str, unit: str) -> bool:
        """Whether it is on for this unit."""
        return self._client.enabled(switch, unit=unit, default=False)

    def value(self, switch: str) -> str:
        """Its text."""
        return self._client.value(switch, default="")


def open_reader(source: str, _poll_seconds: float, changed: Callable[[], None]) -> Reader:
    """Follow Consul; nothing is polled."""
    client = SyncClient(service=SERVICE, address=source, directory=Path(mkdtemp(prefix="bench-reader-")))
    client.on_change(lambda _change: changed())
    return Ours(client.start())


if __name__ == "__main__":
    measure(open_reader)
