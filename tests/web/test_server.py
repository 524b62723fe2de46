"""The server on a real socket: its limits, and how it stops."""

import asyncio
import contextlib
import signal
import socket

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from controlplane.api.app import create_app
from controlplane.api.limits import BODY_BYTES_MAX
from controlplane.api.server import HEADER_BYTES_MAX, AddressUnavailable, open_listener, serve_app
from controlplane.application.results import MoveRequest, Result
from tests.fakes.clock import FakeClock
from tests.fakes.doors import DONE, FakeDoors
from tests.web.serving import served

DEADLINE_SECONDS = 20.0
AUTHORIZATION = {"Authorization": "Bearer operator-token"}


def test_a_port_that_is_taken_is_one_clear_sentence():
    """The message names host, port, what is wrong and what to turn."""
    with open_listener("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(AddressUnavailable) as failure:
            open_listener("127.0.0.1", port)

    assert str(failure.value) == (
        f"cannot listen on 127.0.0.1 port {port}: Address already in use; CONTROLPLANE_PORT chooses another"
    )


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_an_address_that_is_not_ours_is_one_clear_sentence(host: str):
    """A host of somebody else and a host of nobody are both told by name."""
    with pytest.raises(AddressUnavailable, match=host):
        open_listener(host, 0)


def test_ipv6_is_listened_on():
    """An address of the other family needs no other setting."""
    with open_listener("::1", 0) as listener:
        assert listener.family is socket.AF_INET6


async def test_a_request_under_way_ends_before_the_server_does(fakes: FakeDoors):
    """A stop loses no act: what was begun is answered, what is new is refused."""
    begun, finish, stop = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def slow(request: MoveRequest) -> Result:
        begun.set()
        await finish.wait()
        return DONE

    fakes.operations.move = slow  # type: ignore[method-assign]
    app = create_app(fakes.doors(), clock=FakeClock(), public_url="http://controlplane.test")
    listener = open_listener("127.0.0.1", 0)
    base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with asyncio.timeout(DEADLINE_SECONDS), asyncio.TaskGroup() as owner:
        serving = owner.create_task(serve_app(app, listener=listener, stop=stop))
        async with httpx.AsyncClient(base_url=base_url, headers=AUTHORIZATION) as client:
            act = owner.create_task(
                client.post("/api/v1/failover/checkout/move", json={"to": "eu-west", "reason": "INC-1"})
            )
            await begun.wait()
            stop.set()
            while listener.fileno() >= 0:  # noqa: ASYNC110 - the server tells nobody that it has closed it
                await asyncio.sleep(0.01)
            with pytest.raises(httpx.ConnectError):
                await httpx.AsyncClient().get(f"{base_url}/healthz")
            finish.set()
            assert (await act).status_code == 200
        await serving


async def test_signals_stay_with_the_owner_of_the_process(fakes: FakeDoors):
    """Serving changes no signal handler."""
    before = [signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)]

    app = create_app(fakes.doors(), clock=FakeClock(), public_url="http://controlplane.test")
    async with served(app) as url, httpx.AsyncClient() as client:
        assert (await client.get(f"{url}/healthz")).status_code == 200
        during = [signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)]

    assert during == before


async def test_an_endless_header_is_cut(fakes: FakeDoors):
    """A header that does not end within its limit ends the connection: nobody fills our memory with one."""
    app = create_app(fakes.doors(), clock=FakeClock(), public_url="http://controlplane.test")
    async with asyncio.timeout(DEADLINE_SECONDS), served(app) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(url).port)
        with contextlib.suppress(ConnectionError):
            writer.write(b"GET /healthz HTTP/1.1\r\nX-Long: " + b"x" * HEADER_BYTES_MAX)
            answer = await reader.read()
            assert not answer.startswith(b"HTTP/1.1 2")
        writer.close()


async def test_a_body_beyond_its_limit_is_answered_and_not_read_on(fakes: FakeDoors):
    """The problem reaches a client that is still sending."""
    app = create_app(fakes.doors(), clock=FakeClock(), public_url="http://controlplane.test")
    headers = {**AUTHORIZATION, "Content-Type": "application/json"}
    async with served(app) as url, httpx.AsyncClient(headers=headers) as client:
        response = await client.post(f"{url}/api/v1/pause", content=b" " * 64 * BODY_BYTES_MAX)

    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")


@pytest.mark.parametrize(
    ("trusted", "source"),
    [(None, "127.0.0.1"), ("10.0.0.1", "127.0.0.1"), ("127.0.0.0/8", "203.0.113.7")],
)
async def test_only_a_trusted_proxy_says_who_is_asking(trusted: str | None, source: str):
    """What a stranger writes into `X-Forwarded-For` makes them nobody else."""

    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        await PlainTextResponse(scope["client"][0])(scope, _receive, send)

    stop, listener = asyncio.Event(), open_listener("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    async with asyncio.TaskGroup() as owner, httpx.AsyncClient() as client:
        owner.create_task(serve_app(app, listener=listener, stop=stop, trusted_proxies=trusted))
        forwarded = {"X-Forwarded-For": "198.51.100.1, 203.0.113.7"}
        said = (await client.get(url, headers=forwarded)).text
        stop.set()

    assert said == source
