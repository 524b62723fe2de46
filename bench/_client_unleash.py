"""The process of the Unleash client in `bench.client`: it polls a server, and evaluates by itself."""

from collections.abc import Callable
from importlib import import_module
from tempfile import mkdtemp
from typing import Any

from bench._client_child import Reader, measure


class Unleash:
    """Answers as a service asks it."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def enabled(self, switch: str) -> bool:
        """Whether it is on."""
        return bool(self._client.is_enabled(switch))

    def enabled_for(self, switch: str, unit: str) -> bool:
        """Whether it is on for this unit."""
        return bool(self._client.is_enabled(switch, {"userId": unit}))

    def value(self, switch: str) -> str:
        """Its text, the payload of its variant."""
        return str(self._client.get_variant(switch)["payload"]["value"])


def open_reader(source: str, poll_seconds: float, changed: Callable[[], None]) -> Reader:
    """Poll the server; neither metrics nor a registration are sent."""
    library = import_module("UnleashClient")
    fetched = import_module("UnleashClient.events").UnleashEventType.FETCHED
    client = library.UnleashClient(
        url=source,
        app_name="bench",
        refresh_interval=poll_seconds,
        disable_metrics=True,
        disable_registration=True,
        cache_directory=mkdtemp(prefix="bench-unleash-"),
        event_callback=lambda event: changed() if event.event_type is fetched else None,
    )
    client.initialize_client()
    return Unleash(client)


if __name__ == "__main__":
    measure(open_reader)
