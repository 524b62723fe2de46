"""Owns the table of children: which processes one `serve` consists of, and what each of them is told.

Secrets travel in environments and private files, never in a command line. A prober is told what a prober in a
far region is told: where Consul and the control API are, and its own token.
"""

import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import partial
from http import HTTPStatus
from pathlib import Path

from controlplane.processes.child import Child, Lifetime
from controlplane.processes.consul_binary import find_consul
from controlplane.processes.embedded_consul import ConsulPorts, prepare_consul
from controlplane.processes.embedded_postgres import prepare_postgres
from controlplane.processes.free_port import LOOPBACK, free_ports, require_free
from controlplane.processes.local_tokens import LocalTokens, make_local_tokens
from controlplane.processes.readiness import http_status
from controlplane.processes.runtime_file import Runtime

_NOT_FOR_PROBERS = (
    "CONTROLPLANE_DATABASE_URL",
    "CONTROLPLANE_SECRET_KEY",
    "CONTROLPLANE_TOKENS_FILE",
)
_LOOPBACK_OF_WILDCARD = {"0.0.0.0": LOOPBACK, "::": "::1"}  # noqa: S104 - recognised here, bound by nobody


class Stage(IntEnum):
    """The order of starting; the order of ending is the other way round."""

    DATABASES = 0
    MIGRATION = 1
    CONTROL = 2
    PROBERS = 3


def _nobody(_runtime: Runtime) -> Sequence[Child]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServePlan:
    """What one `serve` is to run, in plain values."""

    data_dir: Path
    host: str
    port: int
    """Of the API and the console."""
    vantage: str
    probers: int
    environment: Mapping[str, str] = field(repr=False)
    """What our own processes inherit, and where CONSUL_BIN, PATH and HOME are looked up."""
    database_url: str | None = field(default=None, repr=False)
    """None: a private PostgreSQL, migrated on start."""
    consul_address: str | None = None
    """None: a private Consul."""
    consul_token: str | None = field(default=None, repr=False)
    further: Callable[[Runtime], Sequence[Child]] = _nobody
    """Children of the caller, made when all addresses are known."""
    command: tuple[str, ...] = (sys.executable, "-m", "controlplane")
    """What starts our own processes, before `control`, `probe` and `migrate`."""
    quiet: bool = False
    """Whether our own processes log into files of the data directory, instead of standard error."""
    ends_with_parent: bool = False
    """Whether all ends when the process that started it ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The children, and where they will be found once they run."""

    children: Sequence[Child]
    runtime: Runtime


def prepare(plan: ServePlan) -> Table:
    """Choose ports, find or make what the children need on disk, and answer the table. Blocks for seconds.

    Raises:
        ProcessError: something that is needed cannot be had.
    """
    require_free(plan.host, plan.port)
    consul, consul_children = _consul(plan)
    database, database_children = _database(plan)
    tokens = make_local_tokens(plan.data_dir, vantage=plan.vantage)
    runtime = Runtime(api=_api(plan), token=tokens.admin, consul=consul, database=database, pids={})
    return Table(
        children=(
            *consul_children,
            *database_children,
            _control(plan, runtime, tokens),
            *(_prober(plan, runtime, tokens, number) for number in range(1, plan.probers + 1)),
            *plan.further(runtime),
        ),
        runtime=runtime,
    )


def _consul(plan: ServePlan) -> tuple[str, Sequence[Child]]:
    if plan.consul_address:
        return plan.consul_address, ()
    server = prepare_consul(plan.data_dir, binary=find_consul(plan.environment), ports=ConsulPorts.free())
    child = Child(
        name="consul",
        argv=server.argv,
        environment=server.environment,
        stage=Stage.DATABASES,
        is_ready=server.is_ready,
        stop_signal=signal.SIGINT,
        log=plan.data_dir / "logs" / "consul.log",
    )
    return server.address, (child,)


def _database(plan: ServePlan) -> tuple[str, Sequence[Child]]:
    if plan.database_url:
        return plan.database_url, ()
    server = prepare_postgres(plan.data_dir, port=free_ports(1)[0])
    child = Child(
        name="postgres",
        argv=server.argv,
        environment=server.environment,
        stage=Stage.DATABASES,
        is_ready=server.is_ready,
        before_start=server.before_start,
        stop_signal=signal.SIGINT,
        log=plan.data_dir / "logs" / "postgres.log",
    )
    migration = Child(
        name="migrate",
        argv=(*plan.command, "migrate"),
        environment={**plan.environment, "CONTROLPLANE_DATABASE_URL": server.url},
        stage=Stage.MIGRATION,
        lifetime=Lifetime.STEP,
        log=plan.data_dir / "logs" / "migrate.log",
    )
    return server.url, (child, migration)


def _control(plan: ServePlan, runtime: Runtime, tokens: LocalTokens) -> Child:
    told = {
        "CONTROLPLANE_DATA_DIR": str(plan.data_dir),
        "CONTROLPLANE_DATABASE_URL": runtime.database,
        "CONTROLPLANE_HOST": plan.host,
        "CONTROLPLANE_PORT": str(plan.port),
        "CONTROLPLANE_TOKENS_FILE": str(tokens.hashes),
    }
    return Child(
        name="control",
        argv=(*plan.command, "control"),
        environment={**_environment(plan, runtime), **told},
        stage=Stage.CONTROL,
        is_ready=partial(_is_healthy, _reachable(plan.host), plan.port),
        log=log_file(plan, "control"),
    )


def _prober(plan: ServePlan, runtime: Runtime, tokens: LocalTokens, number: int) -> Child:
    name = f"prober-{number}"
    inherited = _environment(plan, runtime)
    told = {
        "CONTROLPLANE_DATA_DIR": str(plan.data_dir / name),
        "CONTROLPLANE_URL": runtime.api,
        "CONTROLPLANE_TOKEN": tokens.prober,
        "CONTROLPLANE_PROBER_NAME": name,
    }
    return Child(
        name=name,
        argv=(*plan.command, "probe", "--vantage", plan.vantage),
        environment={**{key: inherited[key] for key in inherited if key not in _NOT_FOR_PROBERS}, **told},
        stage=Stage.PROBERS,
        log=log_file(plan, name),
    )


def log_file(plan: ServePlan, name: str) -> Path | None:
    """Where a process of ours logs; None: to standard error."""
    return plan.data_dir / "logs" / f"{name}.log" if plan.quiet else None


def _environment(plan: ServePlan, runtime: Runtime) -> dict[str, str]:
    """What all our own processes are told; settings for another Consul do not fit the private one."""
    private = plan.consul_address is None
    environment = {
        name: value
        for name, value in plan.environment.items()
        if not (private and name.startswith(("CONSUL_HTTP_", "CONSUL_CACERT")))
    }
    environment["CONSUL_HTTP_ADDR"] = runtime.consul
    if plan.consul_token and not private:
        environment["CONSUL_HTTP_TOKEN"] = plan.consul_token
    return environment


def _is_healthy(host: str, port: int) -> bool:
    return http_status(host, port, "/healthz") == HTTPStatus.OK


def _reachable(host: str) -> str:
    return _LOOPBACK_OF_WILDCARD.get(host, host)


def _api(plan: ServePlan) -> str:
    host = _reachable(plan.host)
    return f"http://[{host}]:{plan.port}" if ":" in host else f"http://{host}:{plan.port}"
