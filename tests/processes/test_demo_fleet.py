"""Promises of the simulated fleet on real processes beside a real Consul."""

import asyncio
import json
import os
import signal
import socket
import stat
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from controlplane.contract.applied import APPLIED_HEADER, Applied, AppliedState, parse
from controlplane.contract.keys import Keys
from controlplane.processes.chaos import ChaosError, apply_fault
from controlplane.processes.demo_fleet.fleet_json import FleetJson, choose_ports, read_fleet, write_fleet
from controlplane.processes.demo_fleet.layout import CELLS, DemoInstance, instance_ids, lay_out
from controlplane.processes.demo_fleet.runner import run_fleet
from tests.client.documents import document
from tests.fixtures.consul import ConsulAccess

pytestmark = pytest.mark.services

DEADLINE_SECONDS = 60.0
IMPATIENCE_SECONDS = 1.0
POLL_SECONDS = 0.05


@asynccontextmanager
async def running(data_dir: Path, consul: ConsulAccess) -> AsyncIterator[Sequence[DemoInstance]]:
    fleet = asyncio.create_task(
        run_fleet(data_dir=data_dir, consul_address=consul.address, prefix=consul.prefix)
    )
    former = read_fleet(data_dir).secret if (data_dir / "fleet.json").exists() else None
    await until(
        lambda: fleet.done() or ((data_dir / "fleet.json").exists() and read_fleet(data_dir).secret != former)
    )
    try:
        yield read_fleet(data_dir).instances
        assert not fleet.done(), fleet.result()
    finally:
        fleet.cancel()
        await asyncio.gather(fleet, return_exceptions=True)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not condition():  # noqa: ASYNC110 - processes tell nobody
            await asyncio.sleep(POLL_SECONDS)


async def ask(instance: DemoInstance, path: str) -> httpx.Response | None:
    """One request over a new connection; None where no answer comes."""
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=IMPATIENCE_SECONDS) as http:
            return await http.get(f"http://127.0.0.1:{instance.port}{path}")
    except httpx.TransportError:
        return None


async def applied(instance: DemoInstance) -> Applied | None:
    answer = await ask(instance, "/health")
    return parse(answer.headers[APPLIED_HEADER])[0] if answer else None


async def alive(instances: Sequence[DemoInstance]) -> set[str]:
    answers = await asyncio.gather(*(ask(instance, "/health") for instance in instances))
    return {
        instance.id
        for instance, answer in zip(instances, answers, strict=True)
        if answer is not None and answer.status_code == 200
    }


async def publish(consul: ConsulAccess, revision: int, active: str) -> None:
    key = Keys(consul.prefix).document("failover", "checkout")
    async with httpx.AsyncClient(trust_env=False) as http:
        published = document(revision, active).to_bytes()
        (await http.put(f"http://{consul.address}/v1/kv/{key}", content=published)).raise_for_status()


async def sees(instance: DemoInstance, revision: int) -> None:
    async with asyncio.timeout(DEADLINE_SECONDS):
        while (said := await applied(instance)) is None or said.revision != revision:  # noqa: ASYNC110
            await asyncio.sleep(POLL_SECONDS)


async def test_services_see_a_move_and_survive_faults_and_killing(consul, tmp_path):
    """All 45 instances answer, follow a document, break as told, and are back on their ports when healed."""
    async with running(tmp_path, consul) as instances:
        by_id = {instance.id: instance for instance in instances}
        first, other = by_id["checkout-us-east-1"], by_id["checkout-eu-west-1"]
        assert await alive(instances) == set(by_id)
        assert stat.S_IMODE((tmp_path / "fleet.json").stat().st_mode) == 0o600

        await publish(consul, 1, "us-east")
        await sees(first, 1)
        assert await apply_fault(tmp_path, "kill", "us-east") == "kill: 15 of 15 instances of us-east"
        assert await alive(instances) == {i.id for i in instances if i.cell.region != "us-east"}
        await publish(consul, 2, "eu-west")
        await sees(other, 2)
        answer = await ask(other, "/active")
        assert answer is not None
        assert answer.json()["active"] == "eu-west"

        assert "killed and stay so" in await apply_fault(tmp_path, "error", "checkout")
        assert await alive(instances) == {
            i.id for i in instances if i.cell.region != "us-east" and i.cell.service != "checkout"
        }
        await apply_fault(tmp_path, "heal", "checkout-us-east-1")
        assert await alive(instances) >= {"checkout-us-east-1"}
        assert "checkout-us-east-2" not in await alive(instances)
        await apply_fault(tmp_path, "heal", "all")
        assert await alive(instances) == set(by_id)
        await sees(first, 2)


async def test_a_partition_of_a_cell_cuts_its_reader_off(consul, tmp_path):
    """A partitioned cell neither answers nor learns; healed, it learns what it missed."""
    async with running(tmp_path, consul) as instances:
        cut_off = next(instance for instance in instances if str(instance.cell) == "checkout/us-east")
        await publish(consul, 1, "us-east")
        await sees(cut_off, 1)
        await apply_fault(tmp_path, "partition", "checkout/us-east")
        await publish(consul, 2, "eu-west")
        assert await ask(cut_off, "/health") is None
        summary = await apply_fault(tmp_path, "slow", "catalog", share="50%", latency="10ms-20ms")
        assert summary.startswith("slow by 10 to 20 ms: 8 of 15 instances of catalog: catalog-us-east-1, ")
        await apply_fault(tmp_path, "heal", "checkout/us-east")
        await sees(cut_off, 2)
        said = await applied(cut_off)
        assert said is not None
        assert said.state is AppliedState.OK


async def test_ports_are_kept_over_a_restart_of_the_demo(consul, tmp_path):
    """The second run listens where the first did, so that the registry stays true."""
    async with running(tmp_path, consul) as instances:
        first = {instance.id: instance.port for instance in instances}
    assert await alive(lay_out(first)) == set()
    async with running(tmp_path, consul) as instances:
        assert {instance.id: instance.port for instance in instances} == first
        assert len(await alive(instances)) == 45


async def test_nothing_survives_a_killed_runner(consul, tmp_path):
    """After kill -9 of the runner none of its nine processes is left."""
    code = (
        "import asyncio, pathlib, sys; from controlplane.processes.demo_fleet.runner import run_fleet; "
        "asyncio.run(run_fleet(data_dir=pathlib.Path(sys.argv[1]), consul_address=sys.argv[2]))"
    )
    runner = await asyncio.create_subprocess_exec(sys.executable, "-c", code, str(tmp_path), consul.address)
    try:
        await until((tmp_path / "fleet.json").exists)
        cells = cells_of(runner.pid)
        assert len(cells) == len(CELLS)
    finally:
        runner.send_signal(signal.SIGKILL)
        await runner.wait()
    await until(lambda: not any(map(runs, cells)))


def cells_of(runner: int) -> list[int]:
    """The cell processes of a runner."""
    children = Path(f"/proc/{runner}/task/{runner}/children").read_text().split()
    return [int(pid) for pid in children if "cell_process" in Path(f"/proc/{pid}/cmdline").read_text()]


def runs(pid: int) -> bool:
    """Whether a process lives; one that ended and was not asked for is not alive."""
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


async def test_a_process_that_ends_by_itself_is_started_again(consul, tmp_path):
    """Nobody asked for its end: it is back a moment later, with its faults."""
    async with running(tmp_path, consul) as instances:
        await apply_fault(tmp_path, "error", "checkout-us-east-2")
        killed = cells_of(os.getpid())
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        await until(lambda: not any(map(runs, killed)))
        cell = [instance for instance in instances if str(instance.cell) == "checkout/us-east"]
        async with asyncio.timeout(DEADLINE_SECONDS):
            while len(await alive(instances)) < 44:  # noqa: ASYNC110 - the fleet tells nobody
                await asyncio.sleep(POLL_SECONDS)
        assert {instance.id for instance in cell} - await alive(cell) == {"checkout-us-east-2"}


async def test_mistakes_are_one_sentence(consul, tmp_path):
    """What is typed wrong, and a demo that does not run, are refused with what is allowed."""
    with pytest.raises(ChaosError, match="no demo runs on the folder"):
        await apply_fault(tmp_path, "kill", "us-east")
    gone = FleetJson("http://127.0.0.1:1", "secret", lay_out(choose_ports(tmp_path)))
    write_fleet(tmp_path, gone)
    with pytest.raises(ChaosError, match="does not run"):
        await apply_fault(tmp_path, "kill", "us-east")
    with pytest.raises(ChaosError, match="there is no 'us-west' in the demo"):
        await apply_fault(tmp_path, "kill", "us-west")
    with pytest.raises(ChaosError, match="is not a fault"):
        await apply_fault(tmp_path, "burn", "us-east")


async def test_the_control_endpoint_admits_its_secret_only(consul, tmp_path):
    """Without the secret nothing is broken; with it, an order that is none is refused."""
    async with running(tmp_path, consul), httpx.AsyncClient(trust_env=False) as http:
        fleet = read_fleet(tmp_path)
        order = {"fault": None, "instances": ["checkout-us-east-1"]}
        known = {"Authorization": f"Bearer {fleet.secret}"}

        async def post(body: object, headers: dict[str, str]) -> int:
            answer = await http.post(f"{fleet.control}/faults", content=json.dumps(body), headers=headers)
            return answer.status_code

        assert await post(order, {}) == 401
        assert await post(order, {"Authorization": "Bearer wrong"}) == 401
        assert await post(order, known) == 200
        assert await post({"instances": []}, known) == 422
        assert await post({"fault": None, "instances": ["nobody"]}, known) == 422
        assert (await http.get(f"{fleet.control}/faults", headers=known)).status_code == 404
        assert (await http.get(f"{fleet.control}/healthz")).status_code == 200


def test_a_port_that_was_taken_meanwhile_is_replaced(tmp_path):
    """Ports of the last run are kept where they are free; a taken one is chosen anew, without a clash."""
    first = choose_ports(tmp_path)
    write_fleet(tmp_path, FleetJson("http://127.0.0.1:1", "secret", lay_out(first)))
    assert choose_ports(tmp_path) == first
    taken = instance_ids()[0]
    with socket.create_server(("127.0.0.1", first[taken])):
        second = choose_ports(tmp_path)
    assert [name for name in first if first[name] != second[name]] == [taken]
    assert len(set(second.values())) == len(second)
