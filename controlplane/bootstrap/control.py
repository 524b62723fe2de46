"""Owns the wiring of a control process: adapters into a replica, the replica's doors into the API."""

import asyncio
import logging
from contextlib import AsyncExitStack
from datetime import timedelta
from socket import socket

from fastapi import FastAPI

from controlplane.adapters.clock import SystemClock, UlidFactory
from controlplane.adapters.consul import ConsulCatalog, ConsulStore
from controlplane.adapters.consul_endpoint import Deadlines
from controlplane.adapters.definitions_cache import DefinitionsFile
from controlplane.adapters.fleet_yaml import FleetYaml
from controlplane.adapters.passwords import Argon2Hasher
from controlplane.adapters.postgres.history_evaluations import PostgresEvaluations
from controlplane.adapters.postgres.history_reader import PostgresHistoryReader
from controlplane.adapters.postgres.history_store import PostgresProbeHistory
from controlplane.adapters.postgres.history_upkeep import PostgresHistoryUpkeep
from controlplane.adapters.postgres.journal import PostgresJournal
from controlplane.adapters.postgres.migrate import revisions
from controlplane.adapters.postgres.registry import PostgresRegistry
from controlplane.adapters.postgres.session import Database
from controlplane.adapters.postgres.tokens import PostgresTokens
from controlplane.adapters.postgres.users import PostgresUsers
from controlplane.adapters.relay import HttpRelay
from controlplane.adapters.schedule import ApschedulerTicker
from controlplane.adapters.signing import HmacSigner
from controlplane.adapters.spool import SegmentSpool
from controlplane.adapters.state_files import FloorFile, TokenFile, UserFile
from controlplane.api.app import create_app
from controlplane.api.server import open_listener, serve_app
from controlplane.application.ports import DatabaseUnavailable
from controlplane.application.ports.history import HistoryPorts
from controlplane.application.replica import Replica
from controlplane.application.retention import Retention
from controlplane.application.world import Ports, Traits
from controlplane.bootstrap.endpoints import (
    NotConfigured,
    consul_endpoint,
    database_address,
    public_url,
    secret_key,
)
from controlplane.bootstrap.running import on_signal
from controlplane.console.app import console_routes
from controlplane.contract.keys import Keys
from controlplane.domain.history_records import Origin
from controlplane.processes.local_tokens import load_token_hashes
from controlplane.settings import Settings

EVALUATION_SPOOL_BYTES_MAX = 64 * 1024 * 1024
"""Some ten thousand evaluations with all their inputs."""
HISTORY_CONNECTIONS_MAX = 4
LOG_READ_SECONDS_MAX = 20.0
"""64 MiB take about 2 s on an idle machine."""

logger = logging.getLogger(__name__)


async def run_control(settings: Settings) -> None:
    """Run the API, leadership, decisions and journal of one replica until SIGTERM or SIGINT.

    Raises:
        NotConfigured: an address is missing, or the database is at another revision than this program.
        AddressUnavailable: the port is taken.
    """
    await _require_current_schema(database_address(settings))
    listener = open_listener(settings.host, settings.port)
    async with AsyncExitStack() as resources:
        replica = Replica(await _ports(settings, resources), _traits(settings))
        await _serve(replica, _app(settings, replica), listener, settings.trusted_proxies)


async def _serve(replica: Replica, app: FastAPI, listener: socket, proxies: str | None) -> None:
    """Serve until a signal; then end streams, let requests end, stop the parts, settle, hand over."""
    stop = asyncio.Event()

    def end() -> None:
        replica.events.close()  # else every stream would be waited for
        stop.set()

    on_signal(end)
    working = asyncio.create_task(replica.run(), name="replica")
    answering = serve_app(app, listener=listener, stop=stop, trusted_proxies=proxies)
    serving = asyncio.create_task(answering, name="api")
    try:
        await asyncio.wait({working, serving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        end()
        await serving
        working.cancel()
        await asyncio.wait({working})
        await replica.close()
    if not working.cancelled():
        working.result()


async def _require_current_schema(database: str) -> None:
    try:
        current, head = await asyncio.to_thread(revisions, database)
    except DatabaseUnavailable as error:
        logger.warning("the database's schema was not checked", extra={"error": str(error)})
        return
    if current != head:
        raise NotConfigured(
            f"the database is at revision {current or 'none'}, this program needs {head}: "
            "run `controlplane migrate`"
        )


async def _ports(settings: Settings, resources: AsyncExitStack) -> Ports:
    clock, folder = SystemClock(), settings.data_dir
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    endpoint = consul_endpoint(settings)
    store, catalog = ConsulStore(endpoint, clock=clock), ConsulCatalog(endpoint, clock=clock)
    log_store = ConsulStore(endpoint, clock=clock, deadlines=Deadlines(read_seconds=LOG_READ_SECONDS_MAX))
    database = Database(database_address(settings))
    for close in (store.aclose, log_store.aclose, catalog.aclose, database.close):
        resources.push_async_callback(close)
    history = Database(database_address(settings), connections_max=HISTORY_CONNECTIONS_MAX)
    resources.push_async_callback(history.close)
    return Ports(
        store=store,
        log_store=log_store,
        catalog=catalog,
        registry=PostgresRegistry(database),
        journal=PostgresJournal(database),
        tokens=PostgresTokens(database),
        users=PostgresUsers(database),
        fleet_format=FleetYaml(),
        definitions_cache=DefinitionsFile(folder / "definitions.json"),
        token_cache=TokenFile(folder / "tokens.json"),
        user_cache=UserFile(folder / "users.json"),
        password_hasher=Argon2Hasher(),
        signer=HmacSigner(secret_key(settings)),
        floors=FloorFile(folder / "floors.json"),
        clock=clock,
        identifiers=UlidFactory(),
        history=_history(settings, history),
        ticker=ApschedulerTicker(),
        relay=HttpRelay(),
    )


def _history(settings: Settings, database: Database) -> HistoryPorts:
    """History has connections of its own: a backlog that is stored must not keep a definition waiting."""
    return HistoryPorts(
        probes=PostgresProbeHistory(database),
        reader=PostgresHistoryReader(database),
        upkeep=PostgresHistoryUpkeep(database),
        evaluations=PostgresEvaluations(database),
        evaluation_spool=SegmentSpool(
            settings.data_dir / "evaluations",
            origin=Origin("", "control", UlidFactory().new()),
            bytes_max=EVALUATION_SPOOL_BYTES_MAX,
        ),
    )


def _traits(settings: Settings) -> Traits:
    tokens = load_token_hashes(settings.tokens_file) if settings.tokens_file else ()
    return Traits(
        api=public_url(settings),
        home=settings.home_datacenter,
        keys=Keys(settings.consul_prefix),
        log_retention=timedelta(hours=settings.log_retention_hours),
        retention=Retention(
            raw_days=settings.history_raw_days,
            hourly_days=settings.history_hourly_days,
            daily_days=settings.history_daily_days,
        ),
        local_tokens=tokens,
        secure_cookies=public_url(settings).startswith("https://"),
    )


def _app(settings: Settings, replica: Replica) -> FastAPI:
    """The API, and the console beside it."""
    clock = replica.ports.clock
    pages = console_routes(replica.doors, clock=clock)
    return create_app(replica.doors, clock=clock, public_url=public_url(settings), pages=pages)
