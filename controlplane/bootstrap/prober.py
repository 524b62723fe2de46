"""Owns the wiring of a prober process; one beside the control plane is wired as one in a far region."""

import resource
from collections.abc import Mapping
from contextlib import AsyncExitStack

from controlplane.adapters.clock import SystemClock, UlidFactory
from controlplane.adapters.consul import ConsulStore
from controlplane.adapters.control_api import ControlApi
from controlplane.adapters.definitions_cache import DefinitionsFile
from controlplane.adapters.probes.dialer import Dialer
from controlplane.adapters.probes.http import HttpProbe
from controlplane.adapters.probes.resolver import Resolver
from controlplane.adapters.probes.tcp import TcpProbe
from controlplane.adapters.schedule import ApschedulerTicker
from controlplane.adapters.spool import SegmentSpool
from controlplane.application.confirm_listening import Listening
from controlplane.application.history_uploading import Uploader
from controlplane.application.history_writing import HistoryWriter
from controlplane.application.ports import Clock, Probe
from controlplane.application.probing import Prober
from controlplane.application.probing_definitions import DefinitionsFollower
from controlplane.application.probing_process import run_prober
from controlplane.application.reporting import Reporter
from controlplane.bootstrap.endpoints import NotConfigured, consul_endpoint
from controlplane.contract.keys import Keys
from controlplane.domain.fleet import CheckType
from controlplane.domain.history_records import Origin
from controlplane.settings import Settings

MIB = 1024 * 1024


async def run_probe(settings: Settings, vantage: str) -> None:
    """Probe and report until cancelled.

    Raises:
        NotConfigured: an address or the token is missing.
    """
    if settings.token is None:
        raise NotConfigured("CONTROLPLANE_TOKEN is not set: a token of role prober for this vantage")
    _raise_descriptor_limit()
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    clock, keys, boot = SystemClock(), Keys(settings.consul_prefix), UlidFactory().new()
    async with AsyncExitStack() as resources:
        store = ConsulStore(consul_endpoint(settings), clock=clock)
        resources.push_async_callback(store.aclose)
        control = ControlApi(url=settings.url, token=settings.token.get_secret_value())
        await resources.enter_async_context(control)
        spool = _spool(settings, Origin(vantage, settings.prober_name, boot))
        uploader = Uploader(spool=spool, control=control)
        writer = HistoryWriter(spool=spool, clock=clock, on_written=uploader.written.set)
        resources.push_async_callback(writer.close)
        probes = await _probes(resources, clock)
        listening = Listening(probes=probes, store=store, keys=keys, clock=clock)
        prober = Prober(
            probes=probes,
            clock=clock,
            listener=listening,
            recorder=writer,
            region_probes_in_flight_max=settings.probes_in_flight_per_region,
        )
        await run_prober(
            prober=prober,
            definitions=_definitions(settings, store, control, prober),
            reporter=Reporter(
                prober=prober,
                store=store,
                keys=keys,
                vantage=vantage,
                name=settings.prober_name,
                boot=boot,
                tallies=listening.tallies,
            ),
            ticker=ApschedulerTicker(),
            listening=listening,
            history=(writer, uploader),
        )


def _definitions(
    settings: Settings, store: ConsulStore, control: ControlApi, prober: Prober
) -> DefinitionsFollower:
    return DefinitionsFollower(
        store=store,
        keys=Keys(settings.consul_prefix),
        source=control,
        cache=DefinitionsFile(settings.data_dir / "definitions.json"),
        adopt=prober.adopt,
    )


def _spool(settings: Settings, origin: Origin) -> SegmentSpool:
    return SegmentSpool(
        settings.data_dir / "spool", origin=origin, bytes_max=settings.history_spool_mib * MIB
    )


async def _probes(resources: AsyncExitStack, clock: Clock) -> Mapping[CheckType, Probe]:
    resolver = Resolver(clock=clock)
    resources.push_async_callback(resolver.close)
    dialer = Dialer(resolver=resolver, clock=clock)
    http, tcp = HttpProbe(dialer=dialer, clock=clock), TcpProbe(dialer=dialer, clock=clock)
    return {
        CheckType.HTTP: await resources.enter_async_context(http),
        CheckType.TCP: await resources.enter_async_context(tcp),
    }


def _raise_descriptor_limit() -> None:
    """A probe is a descriptor: take as many as this process may have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
