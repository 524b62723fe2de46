"""Promises of one simulated instance: what a prober meets on its port, well and under each fault."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from controlplane.contract.applied import APPLIED_HEADER
from controlplane.processes.demo_fleet.fault import Fault, FaultKind
from controlplane.processes.demo_fleet.instance import Instance, Reading
from controlplane.processes.demo_fleet.listener import Listener, Request

HEADER = 'failover.checkout=17;sum="9a3f01c2";state=ok;src=live'
IMPATIENCE_SECONDS = 0.3


@pytest.fixture
async def instance():
    simulated = Instance(
        instance="checkout-us-east-1",
        service="checkout",
        region="us-east",
        port=0,
        read=lambda: Reading(applied_header=HEADER, active_region="eu-west", revision=17),
        features=lambda unit: {"recommendations": unit != "user-2"},
    )
    await simulated.start()
    yield simulated
    await simulated.stop()


@asynccontextmanager
async def calling(instance: Instance) -> AsyncIterator[httpx.AsyncClient]:
    url = f"http://127.0.0.1:{instance.port}"
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=IMPATIENCE_SECONDS) as http:
        yield http


async def status(instance: Instance, path: str = "/health") -> int:
    async with calling(instance) as http:
        return (await http.get(path)).status_code


async def test_a_well_instance_acknowledges_what_its_reader_applied(instance):
    """The health answer carries `Controlplane-Applied`, over kept and over new connections."""
    async with calling(instance) as http:
        for connection in ("keep-alive", "close"):
            answer = await http.get("/health", headers={"Connection": connection})
            assert (answer.status_code, answer.headers[APPLIED_HEADER]) == (200, HEADER)
            assert answer.json()["status"] == "ok"


async def test_an_instance_tells_which_region_is_active(instance):
    """`/active` answers what the reader of the process says; other paths are not found."""
    async with calling(instance) as http:
        answer = (await http.get("/active?for=people")).json()
        assert (answer["active"], answer["revision"], answer["region"]) == ("eu-west", 17, "us-east")
        assert (await http.get("/")).status_code == 404


async def test_an_instance_tells_what_it_does_for_a_unit(instance):
    """`/features` answers what the switches of the service say for the unit that is asked for."""
    async with calling(instance) as http:
        found = [(await http.get("/features", params=unit)).json() for unit in ({}, {"unit": "user-2"})]
        assert [one["features"] for one in found] == [{"recommendations": True}, {"recommendations": False}]


async def test_a_killed_instance_refuses_and_comes_back_on_its_port(instance):
    """After `kill` connections are refused; after healing the same port answers."""
    port = instance.port
    await instance.suffer(Fault(FaultKind.KILL))
    with pytest.raises(httpx.ConnectError):
        await status(instance)
    await instance.suffer(None)
    assert (instance.port, await status(instance)) == (port, 200)


@pytest.mark.parametrize("kind", [FaultKind.HANG, FaultKind.PARTITION])
async def test_a_hanging_or_partitioned_instance_never_answers(instance, kind):
    """The connection is not refused and nothing comes back; healed, the instance answers again."""
    await instance.suffer(Fault(kind))
    with pytest.raises(httpx.TimeoutException):
        await status(instance)
    await instance.suffer(None)
    assert await status(instance) == 200


async def test_a_failing_instance_answers_500(instance):
    """`error` is an answer, not a silence."""
    await instance.suffer(Fault(FaultKind.ERROR))
    assert await status(instance) == 500


async def test_a_slow_instance_answers_late(instance):
    """Its answers are right, after at least the lower bound of the latency."""
    started = asyncio.get_running_loop().time()
    await instance.suffer(Fault(FaultKind.SLOW, (0.1, 0.1)))
    assert await status(instance) == 200
    assert asyncio.get_running_loop().time() - started >= 0.1


@pytest.mark.looptime
async def test_a_flapping_instance_fails_and_recovers_in_turn():
    """Five seconds of errors, five of right answers, and so on."""
    simulated = Instance(
        instance="a",
        service="checkout",
        region="us-east",
        port=0,
        read=lambda: Reading(HEADER, None, None),
        features=lambda _unit: {},
    )
    await simulated.start()
    await simulated.suffer(Fault(FaultKind.FLAP))
    seen = []
    for _ in range(4):
        response = await simulated._handle(Request("GET", "/health"))
        seen.append(response.status.value if response else 0)
        await asyncio.sleep(5)
    await simulated.stop()
    assert seen == [500, 200, 500, 200]


@pytest.mark.parametrize(
    "garbage",
    [
        b"\r\n\r\n",
        b"hello\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: many\r\n\r\n",
        b"x" * 70_000,
        b"",
    ],
)
async def test_a_listener_closes_on_what_is_no_request(instance, garbage):
    """Garbage ends the connection, not the instance."""
    reader, writer = await asyncio.open_connection("127.0.0.1", instance.port)
    writer.write(garbage)
    writer.write_eof()
    try:
        assert await asyncio.wait_for(reader.read(), timeout=10) == b""
    except ConnectionResetError:
        pass
    finally:
        writer.close()
    assert await status(instance) == 200


async def test_a_listener_breaks_off_what_is_open_when_it_closes():
    """A request under way ends without an answer as soon as its port is closed."""
    asked = asyncio.Event()

    async def never(_request: Request) -> None:
        asked.set()
        await asyncio.sleep(3600)

    listener = Listener(0, never)
    await listener.open()
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    await asked.wait()
    await listener.close()
    with pytest.raises((ConnectionResetError, EOFError)):
        await reader.readexactly(1)
    writer.close()


async def test_two_listeners_cannot_share_a_port(instance):
    """A port that is taken is an error at once."""
    with pytest.raises(OSError, match="in use"):
        await Listener(instance.port, instance._handle).open()
