"""Pauses and maintenance: what may be restrained, and until when."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from controlplane.application.results import ResumeRequest
from tests.fakes.clock import EPOCH
from tests.fakes.doors import FakeDoors
from tests.web.pictures import DEGRADED

FLEET = {"scope": "fleet", "reason": "INC-1"}


async def test_restraints_are_listed_with_their_end_author_and_reason(
    viewer: httpx.AsyncClient, fakes: FakeDoors
):
    """Everything that holds the automation back can be read in one place."""
    fakes.queries.picture = DEGRADED

    body = (await viewer.get("/api/v1/pause")).json()

    assert body["restraints"][0] == {
        "scope": "group",
        "name": "catalog",
        "until": "2026-01-12T10:00:00.000Z",
        "by": "alice",
        "reason": "INC-4821 schema migration",
    }


async def test_a_duration_counts_from_now(operator: httpx.AsyncClient, fakes: FakeDoors):
    """`for` and `until` are two ways to say the same end."""
    await operator.post("/api/v1/pause", json={**FLEET, "for": "90m"})
    await operator.post("/api/v1/pause", json={**FLEET, "until": (EPOCH + timedelta(days=1)).isoformat()})

    first, second = (request.until for request in fakes.operations.asked)  # type: ignore[union-attr]
    assert timedelta(minutes=90) <= first - EPOCH < timedelta(days=1)
    assert second == EPOCH + timedelta(days=1)


async def test_a_restraint_ends_by_scope_and_name(operator: httpx.AsyncClient, fakes: FakeDoors):
    """Resume names what pause named."""
    await operator.post("/api/v1/resume", json={"scope": "region", "name": "ap-south", "reason": "done"})

    (request,) = fakes.operations.asked
    assert isinstance(request, ResumeRequest)
    assert (request.scope, request.name, request.act.reason) == ("region", "ap-south", "done")


@pytest.mark.parametrize(
    "body",
    [
        {"scope": "fleet"},
        {"scope": "fleet", "for": "1h", "until": "2026-01-12T10:00:00Z"},
        {"scope": "fleet", "name": "checkout", "for": "1h"},
        {"scope": "group", "for": "1h"},
        {"scope": "service", "name": "checkout", "for": "1h"},
        {"scope": "group", "name": "No Name", "for": "1h"},
        {"scope": "fleet", "for": "0s"},
        {"scope": "fleet", "for": "721h"},
        {"scope": "fleet", "for": "soon"},
        {"scope": "fleet", "for": 3600},
        {"scope": "fleet", "until": "2026-01-12T09:30:00Z"},
        {"scope": "fleet", "until": "2026-01-12T23:00:00"},
        {"scope": "fleet", "until": "2026-03-12T09:30:00Z"},
        {"scope": "fleet", "until": "never"},
    ],
    ids=str,
)
async def test_a_restraint_without_one_clear_scope_and_end_is_refused(
    operator: httpx.AsyncClient, fakes: FakeDoors, body: dict[str, Any]
):
    """No restraint is endless, in the past, over thirty days, or of something unnamed."""
    response = await operator.post("/api/v1/pause", json={"reason": "INC-1", **body})

    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")
    assert fakes.operations.asked == []


async def test_a_restraint_is_unaffected_by_the_picture(operator: httpx.AsyncClient, fakes: FakeDoors):
    """A pause is taken while Consul's word is old and nobody leads: the application decides, not the door."""
    fakes.queries.picture = replace(DEGRADED, store_contact_seconds=None)

    assert (await operator.post("/api/v1/pause", json={**FLEET, "for": "1h"})).status_code == 200
