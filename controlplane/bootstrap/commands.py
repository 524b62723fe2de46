"""Owns what the commands that start or touch processes do: plain functions that block until all is done."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TypeVar

from controlplane.adapters.clock import UlidFactory
from controlplane.adapters.logs import configure_logs
from controlplane.adapters.passwords import Argon2Hasher
from controlplane.adapters.postgres.migrate import revisions, upgrade_to_head
from controlplane.adapters.postgres.session import Database
from controlplane.adapters.postgres.tokens import PostgresTokens
from controlplane.adapters.postgres.users import PostgresUsers
from controlplane.application.accounts import Accounts
from controlplane.bootstrap.control import run_control
from controlplane.bootstrap.demo import show, tell
from controlplane.bootstrap.endpoints import NotConfigured, consul_endpoint, database_address
from controlplane.bootstrap.greeting import greeting
from controlplane.bootstrap.prober import run_probe
from controlplane.bootstrap.running import run, until_signalled
from controlplane.processes.chaos import apply_fault
from controlplane.processes.demo_fleet.runner import run_fleet
from controlplane.processes.runtime_file import Runtime
from controlplane.processes.serve import supervise
from controlplane.processes.table import ServePlan
from controlplane.settings import Settings

Result = TypeVar("Result")

LOCAL = "local"
"""Who acts, where somebody writes straight into the database."""


def serve(settings: Settings) -> None:
    """Run everything on one data folder until a signal.

    Raises:
        ProcessError: something that is needed cannot be had.
    """
    configure_logs(level=settings.log_level, process="supervisor")
    asyncio.run(supervise(serve_plan(settings), on_ready=partial(_greet, settings.data_dir)))


def control(settings: Settings) -> None:
    """Run one control process until a signal.

    Raises:
        NotConfigured: an address is missing, or the database's schema is another one.
        AddressUnavailable: the port is taken.
    """
    configure_logs(level=settings.log_level, process="control")
    run(run_control(settings))


def probe(settings: Settings, vantage: str) -> None:
    """Run one prober process until a signal.

    Raises:
        NotConfigured: an address or the token is missing.
    """
    configure_logs(level=settings.log_level, process=settings.prober_name)
    run(until_signalled(run_probe(settings, vantage)))


def migrate(settings: Settings, *, check: bool) -> str:
    """Bring the database's schema up to date, or only say how it stands.

    Raises:
        NotConfigured: no database is set; or with `check`, its schema is another one.
        DatabaseUnavailable: it does not answer.
    """
    url = database_address(settings)
    current, head = revisions(url)
    if current == head:
        return f"the database is at revision {head}, as this program needs it"
    if check:
        raise NotConfigured(f"the database is at revision {current or 'none'}, this program needs {head}")
    upgrade_to_head(url)
    return f"the database went from revision {current or 'none'} to {head}"


def create_local_token(settings: Settings, *, name: str, role: str, vantage: str | None = None) -> str:
    """Write a token straight into the database; answers its secret, which is kept nowhere.

    Raises:
        NotConfigured: no database is set.
        DatabaseUnavailable: it does not answer.
    """

    async def create(accounts: Accounts) -> str:
        return await accounts.create_token(name, role=role, vantage=vantage, by=LOCAL)

    return asyncio.run(_on_database(settings, create))


def put_local_user(settings: Settings, *, name: str, role: str, password: str) -> None:
    """Write a user straight into the database.

    Raises:
        NotConfigured: no database is set.
        PasswordNotAllowed: too short or too long.
        DatabaseUnavailable: it does not answer.
    """

    async def put(accounts: Accounts) -> None:
        await accounts.put_user(name, role=role, password=password, by=LOCAL)

    asyncio.run(_on_database(settings, put))


def demo(
    settings: Settings, *, port: int, data_dir: Path | None, story: bool, as_json: bool, runs: int
) -> int:
    """Run everything with a simulated fleet, until a signal or the end of its story; answers the exit code.

    Raises:
        ProcessError: something that is needed cannot be had.
    """
    configure_logs(level="warning", process="demo")
    folder = data_dir or settings.data_dir / "demo"
    plan = serve_plan(settings.model_copy(update={"port": port, "data_dir": folder.absolute()}))
    return asyncio.run(tell(plan, runs=runs, as_json=as_json) if story else show(plan))


def demo_fleet(settings: Settings) -> None:
    """Run the demo's simulated fleet until a signal.

    Raises:
        ProcessError: there are no ports, or a process does not start.
    """
    configure_logs(level=settings.log_level, process="fleet")
    endpoint = consul_endpoint(settings)
    fleet = run_fleet(
        data_dir=settings.data_dir,
        consul_address=endpoint.address,
        consul_token=endpoint.token,
        prefix=settings.consul_prefix,
    )
    run(until_signalled(fleet))


def chaos(data_dir: Path, fault: str, scope: str, *, share: str | None, latency: str | None) -> str:
    """Break or heal a part of the demo's fleet; answers what was done.

    Raises:
        ChaosError: a mistake in the words, or no demo runs on this folder.
    """
    return asyncio.run(apply_fault(data_dir, fault, scope, share, latency))


def serve_plan(settings: Settings, *, environment: Mapping[str, str] | None = None) -> ServePlan:
    """What `serve` runs by these settings."""
    token = settings.consul_http_token
    inherited = dict(os.environ if environment is None else environment)
    if settings.consul_bin:
        inherited["CONSUL_BIN"] = str(settings.consul_bin)
    return ServePlan(
        data_dir=settings.data_dir,
        host=settings.host,
        port=settings.port,
        vantage=settings.vantage,
        probers=settings.probers,
        environment=inherited,
        database_url=settings.database_url.get_secret_value() if settings.database_url else None,
        consul_address=settings.consul_http_addr,
        consul_token=token.get_secret_value() if token else None,
    )


async def _on_database(settings: Settings, act: Callable[[Accounts], Awaitable[Result]]) -> Result:
    database = Database(database_address(settings))
    accounts = Accounts(
        users=PostgresUsers(database),
        tokens=PostgresTokens(database),
        hasher=Argon2Hasher(),
        identifiers=UlidFactory(),
    )
    try:
        return await act(accounts)
    finally:
        await database.close()


def _greet(data_dir: Path, runtime: Runtime) -> None:
    print(greeting(runtime, data_dir), flush=True)  # noqa: T201 - the answer to the person who typed it
