"""Owns what a client follows and what runs for it: a follower per document, a watch over expiries."""

import asyncio
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from controlplane.client.clock import Clock
from controlplane.client.connection import Connection, MakeTransport
from controlplane.client.expiries import ExpiryWatch
from controlplane.client.face import Face
from controlplane.client.followed import Followed
from controlplane.client.follower import Blocking, DocumentFollower
from controlplane.client.judgement import Document
from controlplane.client.last_known_good import LastKnownGood
from controlplane.client.pace import TokenBucket
from controlplane.client.siblings import Siblings
from controlplane.client.standing import Standing
from controlplane.client.switches import SwitchesInForce
from controlplane.contract.applied import Applied
from controlplane.contract.documents import DocumentError, FailoverDocument, parse_failover
from controlplane.contract.keys import DEFAULT_PREFIX, Keys
from controlplane.contract.switches import parse_switches

SIBLINGS_FOLDER = "processes"


class FollowingFace(Face):
    """A face that follows Consul; its subclasses say on which event loop.

    Args:
        groups: names of the failover groups to follow.
        service: whose switches to follow; None: no switches.
        region: where this process runs: whose overrides of switches hold here.
        defaults: the active region of each group that has never had a document.
        directory: where last-known-good files are kept; None: nowhere. It belongs to one address: processes
            that answer there may share it, and then report the lowest revision among them; nobody else may.
        address: Consul, `host:port` or URL; by default `CONSUL_HTTP_ADDR`, else the local agent.
        token: Consul's token; by default `CONSUL_HTTP_TOKEN`.
        prefix: where the control plane writes.
        transport: makes a transport, for those who need their own TLS, proxy or test double.
        clock: for tests.
    """

    def __init__(
        self,
        groups: Iterable[str] = (),
        *,
        service: str | None = None,
        region: str | None = None,
        defaults: Mapping[str, str] | None = None,
        directory: Path | None = None,
        address: str | None = None,
        token: str | None = None,
        prefix: str = DEFAULT_PREFIX,
        transport: MakeTransport | None = None,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(groups, service=service, region=region, defaults=defaults, clock=clock)
        self._connection = Connection(address=address, token=token, transport=transport)
        self._keys = Keys(prefix)
        self._directory = directory
        self._siblings = Siblings(directory / SIBLINGS_FOLDER) if directory else None
        self._expiries = ExpiryWatch(self._switches, clock=self._clock, tell=self._tell_of)
        self._followed: list[Followed[Any]] = [
            self._follow_region(standing) for standing in self._groups.values()
        ]
        if service is not None:
            self._followed.append(self._follow_switches())

    # ── what is followed ──

    def _follow_region(self, standing: Standing[FailoverDocument]) -> Followed[FailoverDocument]:
        return Followed(
            standing,
            key=self._keys.document(standing.kind, standing.name),
            parse=partial(parse_region, group=standing.name),
            on_change=self._tell_of_region,
            file=self._file(standing),
        )

    def _follow_switches(self) -> Followed[SwitchesInForce]:
        standing = self._switches
        return Followed(
            standing,
            key=self._keys.document(standing.kind, standing.name),
            parse=partial(parse_values, service=standing.name, region=self._region, clock=self._clock),
            on_change=self._switches_changed,
            file=self._file(standing),
        )

    def _file(self, standing: Standing[Document]) -> LastKnownGood | None:
        return LastKnownGood(self._directory / f"{standing}.json") if self._directory else None

    def _switches_changed(self, former: SwitchesInForce | None, current: SwitchesInForce) -> None:
        self._expiries.wake()
        self._tell_of_switches(former, current)

    # ── what runs ──

    def _start_from_files(self) -> None:
        for followed in self._followed:
            followed.start_from_file()
        self._say()

    async def _follow(self, connections: httpx.AsyncClient, blocking: Blocking = asyncio.to_thread) -> None:
        """Follow everything until cancelled."""
        bucket = TokenBucket()
        async with connections as http, asyncio.TaskGroup() as tasks:
            for followed in self._followed:
                follower = DocumentFollower(
                    http, followed, bucket=bucket, blocking=blocking, after_turn=self._say
                )
                tasks.create_task(follower.run())
            tasks.create_task(self._expiries.run())

    # ── what is said ──

    def _applied(self) -> list[Applied]:
        own = super()._applied()
        return self._siblings.lowest(own) if self._siblings else own

    def _say(self) -> None:
        """Let the other processes of this address know what is acknowledged here."""
        if self._siblings:
            self._siblings.say(super()._applied())

    def _fall_silent(self) -> None:
        if self._siblings:
            self._siblings.leave()


def parse_region(raw: bytes, *, group: str) -> FailoverDocument:
    """Read the document of this group.

    Raises:
        DocumentError: it is none, or another group's.
    """
    document = parse_failover(raw)
    _check_name(document.group, group)
    return document


def parse_values(raw: bytes, *, service: str, region: str | None, clock: Clock) -> SwitchesInForce:
    """Read the switches of this service.

    Raises:
        DocumentError: they are none, or another service's.
    """
    document = parse_switches(raw)
    _check_name(document.service, service)
    return SwitchesInForce(document, region=region, clock=clock)


def _check_name(found: str, wanted: str) -> None:
    if found != wanted:
        raise DocumentError(f"this is the document of {found!r}, not of {wanted!r}")
