"""Promises of every client, kept alike by the one for event loops, the one for threads, and the double."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import httpx
import pytest

from controlplane.client import Change, Client, Face, SyncClient
from controlplane.client.following import FollowingFace
from controlplane.client.testing import FakeClient
from controlplane.contract.applied import AppliedSource, AppliedState
from controlplane.contract.documents import DocumentKind
from controlplane.contract.keys import Keys
from controlplane.contract.switches import Override, Switch, SwitchState, SwitchType
from tests.client.documents import RECOMMENDATIONS, SEARCH_DEPTH, degraded, document, said_of, switches, until
from tests.fakes.consul_http import FakeConsulHttp
from tests.fixtures.consul import ConsulAccess

REGION = "eu-west"
DEFAULTS = {"checkout": "ap-south"}
OFF = degraded(RECOMMENDATIONS, value=False)
MANY_THREADS = 8


class Hand:
    """Puts things in force for the group and the service `checkout`, and waits until a client has them."""

    def __init__(self, client: FakeClient) -> None:
        self._client = client

    async def flip(self, switch: str, entry: Switch) -> None:
        self._client.set(switch, entry)

    async def move(self, region: str | None) -> None:
        self._client.move("checkout", region)


@dataclass
class Publisher(Hand):
    """The same through Consul, real or fake."""

    client: Face
    put: Callable[[str, bytes], Awaitable[object]]
    keys: Keys = field(default_factory=Keys)
    entries: dict[str, Switch] = field(default_factory=dict)

    async def flip(self, switch: str, entry: Switch) -> None:
        self.entries[switch] = entry
        revision = self.client.revision("switches.checkout") + 1
        published = replace(switches(revision), switches=self.entries)
        await self._publish(DocumentKind.SWITCHES, revision, published.to_bytes())

    async def move(self, region: str | None) -> None:
        revision = self.client.revision("failover.checkout") + 1
        await self._publish(DocumentKind.FAILOVER, revision, document(revision, region).to_bytes())

    async def _publish(self, kind: DocumentKind, revision: int, raw: bytes) -> None:
        await self.put(self.keys.document(kind, "checkout"), raw)
        await until(lambda: said_of(self.client.applied_header(), f"{kind}.checkout").revision == revision)


Reading = AsyncIterator[tuple[Face, Hand]]


@asynccontextmanager
async def double() -> Reading:
    with FakeClient(service="checkout", region=REGION, defaults=DEFAULTS) as client:
        yield client, Hand(client)


@asynccontextmanager
async def beside_fake_consul() -> Reading:
    consul = FakeConsulHttp()
    async with Client(
        ["checkout"],
        service="checkout",
        region=REGION,
        defaults=DEFAULTS,
        transport=lambda: consul.transport,
    ) as client:
        yield client, Publisher(client, consul.put)


@asynccontextmanager
async def beside_consul(kind: type[FollowingFace], consul: ConsulAccess) -> Reading:
    client = kind(
        ["checkout"],
        service="checkout",
        region=REGION,
        defaults=DEFAULTS,
        address=consul.address,
        prefix=consul.prefix,
    )
    async with (
        httpx.AsyncClient(base_url=f"http://{consul.address}/v1/kv/", trust_env=False) as http,
        opened(client),
    ):
        yield client, Publisher(client, lambda key, raw: http.put(key, content=raw), Keys(consul.prefix))


@asynccontextmanager
async def opened(client: FollowingFace) -> AsyncIterator[None]:
    if isinstance(client, SyncClient):
        with client:
            yield
    elif isinstance(client, Client):
        async with client:
            yield


@pytest.fixture(
    params=[
        "double",
        "client",
        pytest.param("client on Consul", marks=pytest.mark.services),
        pytest.param("threaded client on Consul", marks=pytest.mark.services),
    ]
)
async def read(request: pytest.FixtureRequest) -> Reading:
    """A client in eu-west that follows the group and the service `checkout`, and the hand that publishes."""
    match request.param:
        case "double":
            reading = double()
        case "client":
            reading = beside_fake_consul()
        case which:
            kind = SyncClient if "threaded" in which else Client
            reading = beside_consul(kind, request.getfixturevalue("consul"))
    async with reading as pair:
        yield pair


async def test_the_codes_default_holds_until_there_is_a_document(read):
    """Before anything was published every default is answered, nothing is a mistake, and revisions are 0."""
    client, _hand = read
    assert client.enabled("recommendations", default=True)
    assert client.value("search-depth", default=7) == 7
    assert client.active_region("checkout") == "ap-south"
    assert (client.revision("switches.checkout"), client.revision("failover.checkout")) == (0, 0)
    assert (dict(client.unknown_switches), dict(client.mistyped_defaults)) == ({}, {})
    assert said_of(client.applied_header(), "switches.checkout").src is AppliedSource.DEFAULT


async def test_a_flip_and_its_end_are_seen(read):
    """A degraded switch has its degraded value, a restored one its normal value, whatever is the default."""
    client, hand = read
    await hand.flip("recommendations", OFF)
    await hand.flip("search-depth", degraded(SEARCH_DEPTH, 1))
    assert not client.enabled("recommendations", default=True)
    assert client.value("search-depth", default=3) == 1
    await hand.flip("search-depth", SEARCH_DEPTH)
    assert client.value("search-depth", default=9) == 3
    assert client.revision("switches.checkout") == 3


async def test_every_type_of_value_is_read(read):
    """Texts, numbers and structures arrive as what they are."""
    client, hand = read
    for switch, kind, value, default in (
        ("a-text", SwitchType.STRING, "用户", ""),
        ("a-number", SwitchType.FLOAT, 0.25, 1.0),
        ("a-whole-number", SwitchType.FLOAT, 2, 1.0),
        ("a-structure", SwitchType.JSON, {"hosts": ["a", "b"]}, None),
    ):
        await hand.flip(switch, Switch(kind, SwitchState.FORCED_NORMAL, value, value))
        assert client.value(switch, default=default) == value


async def test_a_share_of_units_and_a_region_are_told_apart(read):
    """A share degrades the units of its buckets; an override of the client's region holds for all units."""
    client, hand = read
    await hand.flip("recommendations", degraded(RECOMMENDATIONS, value=False, percent=47))
    seen = [client.enabled("recommendations", unit=unit, default=True) for unit in ("user-1", "用户-3", None)]
    assert seen == [False, False, True]
    here, elsewhere = Override(SwitchState.DEGRADED, 1), Override(SwitchState.DEGRADED, 2)
    await hand.flip("search-depth", replace(SEARCH_DEPTH, regions={REGION: here, "us-east": elsewhere}))
    assert client.value("search-depth", unit="user-1", default=3) == 1


async def test_an_unknown_switch_is_counted_and_said_once(read, caplog):
    """A name that is not declared answers the default; it is counted every time and logged once."""
    client, hand = read
    await hand.flip("recommendations", OFF)
    assert [client.value("recomendations", default="as coded") for _ in range(3)] == ["as coded"] * 3
    assert dict(client.unknown_switches) == {"recomendations": 3}
    assert caplog.text.count("recomendations") == 1


@pytest.mark.parametrize(
    ("switch", "default"), [("recommendations", 1), ("search-depth", True), ("search-depth", "3")]
)
async def test_a_default_of_another_type_is_counted_and_said_once(read, caplog, switch, default):
    """A default that does not fit the switch is answered itself: never a value of a type nobody expects."""
    client, hand = read
    await hand.flip("recommendations", OFF)
    await hand.flip("search-depth", degraded(SEARCH_DEPTH, 1))
    assert [client.value(switch, default=default) for _ in range(3)] == [default] * 3
    assert dict(client.mistyped_defaults) == {switch: 3}
    assert caplog.text.count("its default") == 1


async def test_a_move_is_seen_and_a_fence_is_nobody(read):
    """The active region follows the document, and is none while the group is fenced."""
    client, hand = read
    for region in ("us-east", None, "eu-west"):
        await hand.move(region)
        assert client.active_region("checkout") == region
    assert client.revision("failover.checkout") == 3


async def test_changes_are_told_with_what_changed(read, caplog):
    """A listener hears the document, its revision and what changed in it; one that fails harms nobody."""
    client, hand = read
    heard: list[Change] = []

    def fail(_change: Change) -> None:
        raise ZeroDivisionError

    client.on_change(fail)
    client.on_change(heard.append)
    await hand.flip("recommendations", OFF)
    await hand.flip("search-depth", SEARCH_DEPTH)
    await hand.move("us-east")
    await until(lambda: len(heard) == 3)
    assert [(change.kind, change.name, change.revision, change.switches) for change in heard] == [
        (DocumentKind.SWITCHES, "checkout", 1, ("recommendations",)),
        (DocumentKind.SWITCHES, "checkout", 2, ("search-depth",)),
        (DocumentKind.FAILOVER, "checkout", 1, ()),
    ]
    assert caplog.text.count("a listener failed") == 3


async def test_the_header_names_both_documents(read):
    """What is in force is acknowledged, each document with the sum of its bytes."""
    client, hand = read
    await hand.flip("recommendations", OFF)
    await hand.move("us-east")
    for name in ("failover.checkout", "switches.checkout"):
        said = said_of(client.applied_header(), name)
        assert (said.revision, said.state, said.src) == (1, AppliedState.OK, AppliedSource.LIVE)
        assert len(said.sum) == 8


async def test_what_is_not_followed_is_a_mistake_at_once(read):
    """Asking for a group or a document that the client was not given is an error of the program."""
    client, _hand = read
    for ask in (lambda: client.active_region("payments"), lambda: client.revision("switches.payments")):
        with pytest.raises(KeyError):
            ask()


async def test_any_thread_may_ask_while_things_change(read):
    """Threads that look up without a pause see values of one revision or the next, and never an error."""
    client, hand = read
    await hand.flip("search-depth", degraded(SEARCH_DEPTH, 0))
    ended = False

    def ask() -> bool:
        rising = [0]
        while not ended:
            rising.append(client.value("search-depth", default=0))
            client.applied_header()
        return rising == sorted(rising)

    threads = [asyncio.create_task(asyncio.to_thread(ask)) for _ in range(MANY_THREADS)]
    for value in range(1, 6):
        await hand.flip("search-depth", degraded(SEARCH_DEPTH, value))
    ended = True
    assert all(await asyncio.gather(*threads))
