"""The Consul policies that are shipped let each process do its work, and nothing else."""

import dataclasses
import json
import time
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest

from controlplane.contract.keys import Keys
from controlplane.processes.consul_binary import ConsulBinary
from controlplane.processes.embedded_consul import ConsulPorts, EmbeddedConsul, config_file, prepare_consul
from controlplane.processes.private_file import write_private
from tests.fixtures.servers import POLL_SECONDS, READY_TIMEOUT_SECONDS, ServerProcess

POLICIES = Path(__file__).parents[2] / "deploy/consul"
KEYS = Keys()
REPORT, FOREIGN_REPORT = KEYS.vantage("eu-1", "prober-1"), KEYS.vantage("us-1", "prober-1")
DOCUMENT, VALUE = KEYS.document("failover", "checkout"), KEYS.failover_value("checkout")

pytestmark = pytest.mark.services


class GuardedConsul(EmbeddedConsul):
    """A Consul that lets nobody in without a token."""

    def is_ready(self) -> bool:
        """Whether it answers at all; `bootstrap` waits for the rest."""
        try:
            return httpx.get(f"http://{self.address}/v1/status/leader").is_success
        except httpx.TransportError:
            return False


def prepare(folder: Path, binary: ConsulBinary, ports: ConsulPorts) -> GuardedConsul:
    plain = prepare_consul(folder, binary=binary, ports=ports)
    config = json.loads(config_file(plain.data).read_text())
    config["acl"] = {"enabled": True, "default_policy": "deny"}
    write_private(config_file(plain.data), json.dumps(config))
    return GuardedConsul(**{field.name: getattr(plain, field.name) for field in dataclasses.fields(plain)})


def bootstrap(http: httpx.Client) -> str:
    """The token that may do everything."""
    deadline = time.monotonic() + READY_TIMEOUT_SECONDS  # noqa: TID251 - measures real time
    while (answer := http.put("/v1/acl/bootstrap")).status_code != HTTPStatus.OK:
        assert time.monotonic() < deadline, answer.text  # noqa: TID251 - measures real time
        time.sleep(POLL_SECONDS)
    return str(answer.json()["SecretID"])


def token_for(http: httpx.Client, role: str) -> str:
    """A token with the shipped policy of one role and no other."""
    rules = (POLICIES / f"{role}.hcl").read_text()
    http.put("/v1/acl/policy", json={"Name": role, "Rules": rules}).raise_for_status()
    answer = http.put("/v1/acl/token", json={"Policies": [{"Name": role}]}).raise_for_status()
    return str(answer.json()["SecretID"])


@dataclasses.dataclass(frozen=True, slots=True)
class Role:
    """What one role can do."""

    http: httpx.Client
    headers: dict[str, str]

    def reads(self, key: str) -> bool:
        return self.http.get(f"/v1/kv/{key}?recurse", headers=self.headers).status_code == HTTPStatus.OK

    def writes(self, key: str) -> bool:
        answer = self.http.put(f"/v1/kv/{key}", content=b"1", headers=self.headers)
        return answer.status_code == HTTPStatus.OK

    def transacts(self, key: str) -> bool:
        operation = {"KV": {"Verb": "set", "Key": key, "Value": "MQ=="}}
        answer = self.http.put("/v1/txn", json=[operation], headers=self.headers)
        return answer.status_code == HTTPStatus.OK


@pytest.fixture(scope="module")
def roles(found_consul: ConsulBinary, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Role]]:
    """One client per shipped policy, on a Consul where every key that matters exists."""
    folder, ports = tmp_path_factory.mktemp("guarded"), ConsulPorts.free()
    server = ServerProcess(lambda: prepare(folder, found_consul, ports), folder / "consul.log")
    with server.started(), httpx.Client(base_url=f"http://{server.server.address}") as http:
        http.headers["X-Consul-Token"] = bootstrap(http)
        for key in (
            REPORT,
            FOREIGN_REPORT,
            DOCUMENT,
            KEYS.document("switches", "checkout"),
            VALUE,
            KEYS.registry,
            KEYS.pause,
            KEYS.log("x", "y", 1),
        ):
            http.put(f"/v1/kv/{key}", content=b"0").raise_for_status()
        tokens = {path.stem: token_for(http, path.stem) for path in POLICIES.glob("*.hcl")}
        del http.headers["X-Consul-Token"]
        yield {name: Role(http, {"X-Consul-Token": token}) for name, token in tokens.items()}


def test_control(roles: dict[str, Role]):
    """A control process publishes, and reads the catalog of services and nodes."""
    control = roles["control"]

    assert control.transacts(DOCUMENT)
    assert control.reads(KEYS.vantages)
    assert control.http.get("/v1/catalog/nodes", headers=control.headers).json()
    assert "consul" in control.http.get("/v1/catalog/services", headers=control.headers).json()
    assert not control.writes("somebody/else")


def test_prober(roles: dict[str, Role]):
    """A prober reports for its vantage, reads documents and the revision of the definitions, no more."""
    prober = roles["prober"]

    assert prober.writes(REPORT)
    assert prober.reads(KEYS.registry)
    assert prober.reads(KEYS.documents("failover"))
    assert prober.reads(KEYS.documents("switches"))
    assert not prober.reads(VALUE)
    assert not prober.writes(FOREIGN_REPORT)
    assert not prober.writes(KEYS.registry)
    assert not prober.transacts(DOCUMENT)
    assert not prober.reads(KEYS.pause)


def test_reader(roles: dict[str, Role]):
    """A service reads documents and plain values, and writes nothing."""
    reader = roles["reader"]

    assert reader.reads(DOCUMENT)
    assert reader.reads(VALUE)
    assert not reader.reads(KEYS.logs)
    assert not reader.writes(VALUE)
    assert not reader.transacts(DOCUMENT)
