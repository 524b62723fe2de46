"""Definitions for probers, the fleet file for people."""

import httpx
import pytest

from controlplane.application.fleet_file import FleetFileError, Problem
from controlplane.application.ports import DatabaseUnavailable, RegistryConflict
from tests.fakes.doors import FakeDoors
from tests.web.conftest import Connect

DEFINITIONS = "/api/v1/registry/definitions"
APPLY = "/api/v1/registry/apply"


async def test_a_prober_reads_the_definitions_and_their_revision(connect: Connect):
    """The answer is the fleet, the ETag its revision."""
    response = await connect("prober").get(DEFINITIONS)

    assert response.headers["etag"] == '"7"'
    assert response.json() == {"revision": 7, "fleet": {"regions": [{"name": "us-east"}]}}


@pytest.mark.parametrize("known", ['"7"', 'W/"7"', '"6", "7"'])
async def test_known_definitions_are_not_sent_again(connect: Connect, known: str):
    """A prober that is up to date gets 304 and no body."""
    response = await connect("prober").get(DEFINITIONS, headers={"If-None-Match": known})

    assert (response.status_code, response.content) == (304, b"")
    assert response.headers["etag"] == '"7"'


@pytest.mark.parametrize("known", ['"6"', '"70"', "7", "nonsense"])
async def test_other_revisions_get_the_definitions(connect: Connect, known: str):
    """Only the exact revision counts as known."""
    assert (await connect("prober").get(DEFINITIONS, headers={"If-None-Match": known})).status_code == 200


async def test_a_fleet_file_is_applied_in_the_name_of_the_token(admin: httpx.AsyncClient, fakes: FakeDoors):
    """The text arrives byte for byte, with who sent it."""
    response = await admin.post(APPLY, content="regions: [é]\n".encode())

    assert response.json() == {"revision": 8, "differences": ["+ region ap-south"], "dry_run": False}
    assert fakes.registry.applied == [("regions: [é]\n", "a-admin", False)]


async def test_a_dry_run_says_so_and_needs_a_viewer_only(viewer: httpx.AsyncClient, fakes: FakeDoors):
    """A check of a proposed file needs no token that could apply it."""
    response = await viewer.post(APPLY, params={"dry_run": "true"}, content="regions: []")

    assert response.json()["dry_run"] is True
    assert fakes.registry.applied == [("regions: []", "a-viewer", True)]


async def test_each_mistake_of_a_fleet_file_is_told_with_line_and_path(
    admin: httpx.AsyncClient, fakes: FakeDoors
):
    """422 lists all mistakes: line, path, what is wrong, what is allowed."""
    fakes.registry.failure = FleetFileError(
        [
            Problem(3, "regions[0].name", "'EU' is not a name", "lower-case letters"),
            Problem(9, "groups[0].regions[1]", "unknown region 'us-wst'", "us-east, eu-west"),
        ]
    )

    response = await admin.post(APPLY, content="regions: [EU]")

    assert (response.status_code, response.json()["code"]) == (422, "invalid_fleet_file")
    assert response.json()["mistakes"][1] == {
        "line": 9,
        "path": "groups[0].regions[1]",
        "wrong": "unknown region 'us-wst'",
        "allowed": "us-east, eu-west",
    }


async def test_a_lost_race_for_the_definitions_is_409(admin: httpx.AsyncClient, fakes: FakeDoors):
    """Somebody else applied first: nothing has changed, both revisions are named."""
    fakes.registry.failure = RegistryConflict(expected=7, found=8)

    response = await admin.post(APPLY, content="regions: []")

    assert (response.status_code, response.json()["code"]) == (409, "registry_changed")
    assert "revision 8" in response.json()["detail"]


async def test_definitions_wait_for_the_database(admin: httpx.AsyncClient, fakes: FakeDoors):
    """While PostgreSQL is away an apply is 503 with its own code, and says when to come back."""
    fakes.registry.failure = DatabaseUnavailable("connection refused")

    response = await admin.post(APPLY, content="regions: []")

    assert (response.status_code, response.json()["code"]) == (503, "database_unavailable")
    assert response.headers["retry-after"] == "5"


async def test_a_file_of_another_encoding_names_the_byte(admin: httpx.AsyncClient, fakes: FakeDoors):
    """Bytes that are not UTF-8 are refused before they are parsed."""
    response = await admin.post(APPLY, content=b"regions: [\xff]")

    assert response.status_code == 422
    assert "byte 10 is 0xff" in response.json()["detail"]
    assert fakes.registry.applied == []


async def test_an_export_is_the_fleet_file(viewer: httpx.AsyncClient, fakes: FakeDoors):
    """What comes out is YAML that can be applied."""
    response = await viewer.get("/api/v1/registry/export")

    assert response.headers["content-type"].startswith("application/yaml")
    assert response.text == fakes.registry.text
