"""What a request may send, and how long it may take."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from controlplane.api.app import create_app
from controlplane.api.limits import BODY_BYTES_MAX, FLEET_FILE_BYTES_MAX
from controlplane.application.results import MoveRequest, Result
from tests.fakes.clock import FakeClock
from tests.fakes.doors import FakeDoors
from tests.web.conftest import PUBLIC_URL, Connect

JSON = {"Content-Type": "application/json"}
APPLY = "/api/v1/registry/apply"
HURRY_SECONDS = 0.05


async def pieces(size: int) -> AsyncIterator[bytes]:
    """A body of unknown length: sent in chunks, without `Content-Length`."""
    for _ in range(size // 1024):
        yield b" " * 1024
    yield b" " * (size % 1024)


@pytest.mark.parametrize("path", ["/api/v1/pause", "/api/v1/failover/checkout/move"])
async def test_a_body_is_counted_as_it_arrives(operator: httpx.AsyncClient, path: str):
    """A body without a declared length meets the same limit, as a problem."""
    response = await operator.post(path, content=pieces(BODY_BYTES_MAX + 1), headers=JSON)

    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")
    assert str(BODY_BYTES_MAX) in response.json()["detail"]


async def test_a_declared_length_is_no_way_around_the_limit(operator: httpx.AsyncClient):
    """Whatever `Content-Length` says, what arrives is counted."""
    response = await operator.post(
        "/api/v1/pause", content=b" " * (BODY_BYTES_MAX + 1), headers={**JSON, "Content-Length": "10"}
    )

    assert response.status_code == 413


async def test_a_fleet_file_may_be_larger_but_not_endless(admin: httpx.AsyncClient, fakes: FakeDoors):
    """The fleet file has its own limit, to the byte."""
    fits = await admin.post(APPLY, content=pieces(FLEET_FILE_BYTES_MAX))
    too_large = await admin.post(APPLY, content=pieces(FLEET_FILE_BYTES_MAX + 1))

    assert (fits.status_code, too_large.status_code) == (200, 413)
    assert too_large.json()["code"] == "body_too_large"
    assert len(fakes.registry.applied) == 1


async def test_a_stranger_cannot_make_us_read_a_body(connect: Connect):
    """Without a token not one byte of the body is asked for."""
    sent = 0

    async def counted() -> AsyncIterator[bytes]:
        nonlocal sent
        sent += 1
        yield b" "

    assert (await connect(None).post(APPLY, content=counted())).status_code == 401
    assert sent == 0


@pytest.fixture
def impatient(fakes: FakeDoors) -> FastAPI:
    return create_app(
        fakes.doors(), clock=FakeClock(), public_url=PUBLIC_URL, request_timeout_seconds=HURRY_SECONDS
    )


async def test_an_act_that_takes_too_long_is_told_as_not_known(impatient: FastAPI, fakes: FakeDoors):
    """503 `timed_out` says that the act may still take effect."""

    async def forever(request: MoveRequest) -> Result:
        await asyncio.Event().wait()
        return fakes.operations.result

    fakes.operations.move = forever  # type: ignore[method-assign]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(impatient), base_url=PUBLIC_URL) as client:
        response = await client.post(
            "/api/v1/failover/checkout/move",
            json={"to": "eu-west", "reason": "INC-1"},
            headers={"Authorization": "Bearer operator-token"},
        )

    assert (response.status_code, response.json()["code"]) == (503, "timed_out")
    assert "may still take effect" in response.json()["detail"]


async def test_a_body_that_never_ends_is_given_up(impatient: FastAPI):
    """A sender that stops within its body holds nothing for longer than the deadline."""

    async def stuck() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    async with httpx.AsyncClient(transport=httpx.ASGITransport(impatient), base_url=PUBLIC_URL) as client:
        response = await client.post(
            "/api/v1/pause", content=stuck(), headers={**JSON, "Authorization": "Bearer operator-token"}
        )

    assert response.json()["code"] == "timed_out"
