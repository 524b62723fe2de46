"""Promises of a reader, kept alike beside the fake Consul and a real one."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

import httpx
import pytest

from controlplane.client import Change, Client
from controlplane.contract.applied import AppliedState, parse
from controlplane.contract.documents import FailoverDocument
from controlplane.contract.keys import Keys
from tests.client.documents import document, until
from tests.fakes.consul_http import FakeConsulHttp


@dataclass
class Beside:
    """A Consul, real or fake, and how a client reaches it."""

    client: Callable[[], Client]
    put: Callable[[str, bytes], Awaitable[object]]
    delete: Callable[[str], Awaitable[object]]
    keys: Keys


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.services)])
async def beside(request):
    if request.param == "fake":
        fake = FakeConsulHttp()
        yield Beside(
            lambda: Client(["checkout"], transport=lambda: fake.transport), fake.put, fake.delete, Keys()
        )
        return
    consul = request.getfixturevalue("consul")
    async with httpx.AsyncClient(base_url=f"http://{consul.address}/v1/kv/", trust_env=False) as http:
        yield Beside(
            lambda: Client(["checkout"], address=consul.address, prefix=consul.prefix),
            lambda key, value: http.put(key, content=value),
            http.delete,
            Keys(consul.prefix),
        )


def state(client: Client) -> AppliedState:
    return parse(client.applied_header())[0].state


async def test_a_reader_follows_a_document_through_its_life(beside):
    """Absent, published, moved, stepped back, mended, deleted: each is seen and said as the rules want it."""
    key = beside.keys.document("failover", "checkout")
    async with beside.client() as client:
        await until(lambda: state(client) is AppliedState.ABSENT)
        await beside.put(key, document(1, "us-east").to_bytes())
        await until(lambda: client.active_region("checkout") == "us-east")
        await beside.put(key, document(2, "eu-west").to_bytes())
        await until(lambda: client.active_region("checkout") == "eu-west")
        await beside.put(key, document(1, "us-east").to_bytes())
        await until(lambda: state(client) is AppliedState.NACK)
        assert client.active_region("checkout") == "eu-west"
        await beside.put(key, document(3, "eu-west").to_bytes())
        await until(lambda: state(client) is AppliedState.OK)
        await beside.delete(key)
        await until(lambda: state(client) is AppliedState.ABSENT)
        assert client.active_region("checkout") == "eu-west"


def holds(client: Client, published: FailoverDocument) -> bool:
    return client.document("checkout") == published


async def test_equal_bytes_wake_nobody(beside):
    """Writing the same bytes again is neither a change nor a reason to ask again."""
    changes: list[Change] = []
    client = beside.client()
    client.on_change(changes.append)
    async with client:
        for published in (document(1), document(1), document(2)):
            await beside.put(beside.keys.document("failover", "checkout"), published.to_bytes())
            await until(partial(holds, client, published))
    assert [change.revision for change in changes] == [1, 2]


async def test_the_index_of_a_lost_connection_is_not_used_again():
    """When the connection is gone between two requests, the next goes out without an index."""
    asked = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
        asked.append(httpx.URL(f"http://consul{line}").params.get("index"))
        writer.write(b"HTTP/1.1 404 Not Found\r\nX-Consul-Index: 7\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    async with server, Client(["checkout"], address=f"{host}:{port}"):
        await until(lambda: len(asked) > 2)
    assert asked[:3] == [None, None, None]


@pytest.mark.services
async def test_a_reader_outlives_its_consul(own_consul):
    """While Consul is away the value stays and is stale; back with an empty store, the value still stays."""
    key = "controlplane/failover/checkout"
    async with (
        httpx.AsyncClient(base_url=f"http://{own_consul.address}/v1/kv/", trust_env=False) as http,
        Client(["checkout"], address=own_consul.address) as client,
    ):
        await http.put(key, content=document(17, "eu-west").to_bytes())
        await until(lambda: client.active_region("checkout") == "eu-west")
        await own_consul.wipe()
        await until(lambda: state(client) is AppliedState.STALE)
        await own_consul.start()
        await until(lambda: state(client) is AppliedState.ABSENT)
        await http.put(key, content=document(3).to_bytes())
        await until(lambda: state(client) is AppliedState.NACK)
        assert client.active_region("checkout") == "eu-west"
        await http.put(key, content=document(18).to_bytes())
        await until(lambda: client.active_region("checkout") == "us-east")


@pytest.mark.services
async def test_a_reader_starts_beside_a_server_that_lost_its_cluster(consul_cluster):
    """From a server without a leader a fresh reader takes what is there, and says that it is stale."""
    left, *lost = consul_cluster.servers
    async with httpx.AsyncClient(base_url=f"http://{left.address}/v1/kv/", trust_env=False) as http:
        await http.put("controlplane/failover/checkout", content=document(17, "eu-west").to_bytes())
        await answers(http, "controlplane/failover/checkout?stale", 200)
        for server in lost:
            server.kill()
        await answers(http, "controlplane/failover/checkout", 500)
    async with Client(["checkout"], address=left.address) as client:
        await until(lambda: client.active_region("checkout") == "eu-west")
        assert state(client) is AppliedState.STALE


async def answers(http: httpx.AsyncClient, path: str, status: int) -> None:
    """Wait until a server answers with this status."""
    async with asyncio.timeout(60):
        while (await http.get(path, timeout=30)).status_code != status:  # noqa: ASYNC110 - no event
            await asyncio.sleep(0.05)
