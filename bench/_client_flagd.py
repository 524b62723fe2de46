"""The process of the flagd provider for OpenFeature in `bench.client`: in-process, offline, from a file."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from bench._client_child import Reader, measure

_MS = 1000


class Flagd:
    """Answers as a service asks it: through OpenFeature's client."""

    def __init__(self, client: Any, context: Callable[[str], Any]) -> None:
        self._client = client
        self._context = context

    def enabled(self, switch: str) -> bool:
        """Whether it is on."""
        return bool(self._client.get_boolean_value(switch, default_value=False))

    def enabled_for(self, switch: str, unit: str) -> bool:
        """Whether it is on for this unit."""
        return bool(
            self._client.get_boolean_value(
                switch, default_value=False, evaluation_context=self._context(unit)
            )
        )

    def value(self, switch: str) -> str:
        """Its text."""
        return str(self._client.get_string_value(switch, ""))


def open_reader(source: str, poll_seconds: float, changed: Callable[[], None]) -> Reader:
    """Look at the file's time now and then."""
    api = import_module("openfeature.api")
    flagd = import_module("openfeature.contrib.provider.flagd")
    config = import_module("openfeature.contrib.provider.flagd.config")
    evaluation = import_module("openfeature.evaluation_context")
    event = import_module("openfeature.event").ProviderEvent.PROVIDER_CONFIGURATION_CHANGED
    api.set_provider_and_wait(
        flagd.FlagdProvider(
            resolver_type=config.ResolverType.FILE,
            offline_flag_source_path=source,
            deadline_ms=round(poll_seconds * _MS),
        )
    )
    api.add_handler(event, lambda _details: changed())
    return Flagd(api.get_client(), lambda unit: evaluation.EvaluationContext(targeting_key=unit))


if __name__ == "__main__":
    measure(open_reader)
