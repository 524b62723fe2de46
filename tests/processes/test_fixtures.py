"""The servers that other tests rely on do what they are told."""

import httpx
import psycopg
import pytest

from tests.fixtures.consul import ConsulAccess, ConsulCluster, OwnConsul
from tests.fixtures.postgres import OwnPostgres

ANSWER_TIMEOUT_SECONDS = 2

pytestmark = pytest.mark.services


def _libpq(url: str) -> str:
    return url.replace("+psycopg", "")


async def _put(address: str, key: str, value: str) -> bool:
    async with httpx.AsyncClient(timeout=ANSWER_TIMEOUT_SECONDS) as client:
        answer = await client.put(f"http://{address}/v1/kv/{key}", content=value)
    return answer.text.strip() == "true"


async def _get(address: str, key: str) -> str | None:
    async with httpx.AsyncClient(timeout=ANSWER_TIMEOUT_SECONDS) as client:
        answer = await client.get(f"http://{address}/v1/kv/{key}?raw")
    return answer.text if answer.status_code == 200 else None


def test_every_test_has_a_database_of_its_own(postgres_url: str) -> None:
    """A fresh database takes a table and is gone after the test."""
    with psycopg.connect(_libpq(postgres_url)) as connection:
        connection.execute("CREATE TABLE mine (id int)")


def test_nothing_of_another_test_is_found(postgres_url: str) -> None:
    """The table of the test before is not here."""
    with psycopg.connect(_libpq(postgres_url)) as connection:
        assert connection.execute("SELECT to_regclass('mine')").fetchone() == (None,)


async def test_consul_takes_writes(consul: ConsulAccess) -> None:
    """The shared Consul is writable when a test gets it."""
    assert await _put(consul.address, f"{consul.prefix}key", "value")


async def test_consul_keeps_its_data_over_a_kill_and_loses_them_by_a_wipe(own_consul: OwnConsul) -> None:
    """A killed Consul starts with its data, a wiped one without, both on the same address."""
    address = own_consul.address
    assert await _put(address, "key", "value")
    own_consul.kill()
    await own_consul.start()
    assert await _get(address, "key") == "value"
    await own_consul.wipe()
    await own_consul.start()
    assert await _get(address, "key") is None


async def test_a_frozen_consul_does_not_answer(own_consul: OwnConsul) -> None:
    """A frozen Consul accepts a connection and says nothing until it is thawed."""
    own_consul.freeze()
    with pytest.raises(httpx.ReadTimeout):
        await _get(own_consul.address, "key")
    own_consul.thaw()
    await own_consul.ready()


async def test_postgres_keeps_its_data_over_a_kill(own_postgres: OwnPostgres) -> None:
    """What was committed before kill -9 stands in the database afterwards."""
    with psycopg.connect(_libpq(own_postgres.url)) as connection:
        connection.execute("CREATE TABLE mine AS SELECT 42 AS id")
    own_postgres.kill()
    await own_postgres.start()
    with psycopg.connect(_libpq(own_postgres.url)) as connection:
        assert connection.execute("SELECT id FROM mine").fetchone() == (42,)


async def test_a_frozen_postgres_does_not_answer(own_postgres: OwnPostgres) -> None:
    """Freezing stops the server with the processes of its connections."""
    with psycopg.connect(_libpq(own_postgres.url)) as connection:
        own_postgres.freeze()
        assert not own_postgres.server.is_ready()
        own_postgres.thaw()
        assert connection.execute("SELECT 1").fetchone() == (1,)


async def test_the_cluster_elects_another_leader(consul_cluster: ConsulCluster) -> None:
    """When the leader dies, one of the two others leads; the dead one comes back as a follower."""
    former = await consul_cluster.leader()
    former.kill()
    new = await consul_cluster.leader()
    assert new is not former
    assert await _put(new.address, "key", "value")
    await former.start()
    assert former in await consul_cluster.followers()


async def test_the_cluster_without_a_majority_takes_no_writes(consul_cluster: ConsulCluster) -> None:
    """With both followers frozen a write is not confirmed; thawed, they follow again."""
    followers = await consul_cluster.followers()
    leader = await consul_cluster.leader()
    for follower in followers:
        follower.freeze()
    assert not await _put(leader.address, "key", "value")
    for follower in followers:
        follower.thaw()
    for server in consul_cluster.servers:
        await server.ready()
