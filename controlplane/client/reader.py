"""Owns the face of the reader library: which region is active, and what to say about it when asked."""

import asyncio
import logging
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import NoReturn, Self

import httpx

from controlplane.client.follower import DocumentFollower
from controlplane.client.last_known_good import LastKnownGood
from controlplane.contract.applied import render
from controlplane.contract.documents import DocumentKind, FailoverDocument, parse_failover
from controlplane.contract.keys import DEFAULT_PREFIX, Keys

CONSUL_ADDRESS = "127.0.0.1:8500"

_log = logging.getLogger(__name__)

Listener = Callable[[FailoverDocument], None]


class Client:
    """Follows the failover documents of some groups through Consul, as an async context manager.

    Args:
        groups: names of the groups to follow.
        defaults: the active region of each group that has never had a document.
        directory: where to keep last-known-good files; a folder of this process alone. None: no files.
        address: Consul, `host:port` or URL; by default `CONSUL_HTTP_ADDR`, else the local agent.
        token: Consul's token; by default `CONSUL_HTTP_TOKEN`.
        prefix: where the control plane writes.
        transport: for those who need their own TLS, proxy or test double.
    """

    def __init__(
        self,
        groups: Iterable[str],
        *,
        defaults: Mapping[str, str] | None = None,
        directory: Path | None = None,
        address: str | None = None,
        token: str | None = None,
        prefix: str = DEFAULT_PREFIX,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._defaults = dict(defaults or {})
        self._directory = directory
        self._keys = Keys(prefix)
        self._listeners: list[Listener] = []
        self._stack = AsyncExitStack()
        self._http = httpx.AsyncClient(
            base_url=_url(address or os.environ.get("CONSUL_HTTP_ADDR") or CONSUL_ADDRESS),
            headers=_headers(token or os.environ.get("CONSUL_HTTP_TOKEN")),
            limits=httpx.Limits(max_connections=None),
            transport=transport,
            trust_env=False,
        )
        self._followers = {group: self._follower(group) for group in groups}

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._http)
        for follower in self._followers.values():
            follower.start_from_file()
        tasks = [asyncio.create_task(follower.run()) for follower in self._followers.values()]
        self._stack.push_async_callback(_end, tasks)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    def active_region(self, group: str) -> str | None:
        """The active region of a group; None while it is fenced or retired, or before any is known.

        Raises:
            KeyError: this client does not follow that group.
        """
        document = self.document(group)
        return document.active if document else self._defaults.get(group)

    def document(self, group: str) -> FailoverDocument | None:
        """The failover document in force; None before there was any.

        Raises:
            KeyError: this client does not follow that group.
        """
        return self._followers[group].current

    def on_change(self, listener: Listener) -> None:
        """Call `listener` on the event loop after each change has been put in force."""
        self._listeners.append(listener)

    def applied_header(self) -> str:
        """The value of `Controlplane-Applied` for every health response of this process."""
        return render(follower.applied() for follower in self._followers.values())

    def _follower(self, group: str) -> DocumentFollower[FailoverDocument]:
        kind = DocumentKind.FAILOVER
        return DocumentFollower(
            self._http,
            kind=kind,
            name=group,
            key=self._keys.document(kind, group),
            parse=parse_failover,
            file=LastKnownGood(self._directory / f"{kind}.{group}.json") if self._directory else None,
            on_change=self._tell,
        )

    def _tell(self, document: FailoverDocument) -> None:
        for listener in self._listeners:
            try:
                listener(document)
            except Exception:  # noqa: BLE001 - a service's mistake must not stop the following
                _log.exception("a listener failed on %s revision %d", document.group, document.revision)


async def _end(tasks: Sequence[asyncio.Task[NoReturn]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _url(address: str) -> str:
    return address if "://" in address else f"http://{address}"


def _headers(token: str | None) -> dict[str, str]:
    identity = {"Accept-Encoding": "identity", "User-Agent": "controlplane-client"}
    return {**identity, "X-Consul-Token": token} if token else identity
