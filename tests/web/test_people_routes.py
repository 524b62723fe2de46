"""Users and tokens over the API, and what a browser's session may do there."""

import httpx
import pytest

from tests.fakes.doors import FakeDoors
from tests.fakes.people import PASSWORD

OTHER = "another long password"


async def test_a_user_is_stored_and_told_without_the_password(admin: httpx.AsyncClient, fakes: FakeDoors):
    """Name and role come back, the password and its hash never do."""
    stored = await admin.put("/api/v1/users/carol", json={"role": "viewer", "password": OTHER})
    listed = await admin.get("/api/v1/users")

    assert stored.json() == {"name": "carol", "role": "viewer"}
    assert stored.json() in listed.json()["users"]
    assert OTHER not in stored.text + listed.text
    assert "hash" not in listed.text


@pytest.mark.parametrize("password", ["short-one", "x" * 300, 12345678901234])
async def test_what_cannot_be_a_password_is_not_repeated(admin: httpx.AsyncClient, password: object):
    """The refusal says what is allowed, not what was sent."""
    response = await admin.put("/api/v1/users/carol", json={"role": "viewer", "password": password})

    assert response.status_code == 422
    assert str(password) not in response.text


@pytest.mark.parametrize(
    ("method", "path", "json"),
    [
        ("PUT", "/users/bob", {"role": "viewer"}),
        ("DELETE", "/users/bob", None),
        ("DELETE", "/tokens/bob", None),
    ],
)
async def test_who_is_not_there_is_not_found(admin: httpx.AsyncClient, method: str, path: str, json):
    """Each with a stable code."""
    response = await admin.request(method, f"/api/v1{path}", json=json)

    assert (response.status_code, response.json()["code"]) == (404, "unknown_account")


async def test_users_wait_for_postgresql(admin: httpx.AsyncClient, fakes: FakeDoors):
    """Changing who may log in is said to wait, not lost."""
    fakes.people.users.away = True

    response = await admin.put("/api/v1/users/a-viewer", json={"role": "admin"})

    assert (response.status_code, response.json()["code"]) == (503, "database_unavailable")


async def test_a_token_is_made_and_its_secret_told_once(admin: httpx.AsyncClient):
    """Afterwards it is listed without it, until it is revoked."""
    body = {"name": "us-1", "role": "prober", "vantage": "us-1"}
    made = await admin.post("/api/v1/tokens", json=body)
    listed = await admin.get("/api/v1/tokens")

    assert made.status_code == 201
    assert listed.json() == {"tokens": [body]}
    assert (await admin.delete("/api/v1/tokens/us-1")).json() == {"name": "us-1"}
    assert (await admin.get("/api/v1/tokens")).json() == {"tokens": []}


@pytest.mark.parametrize(
    "body", [{"role": "prober"}, {"role": "viewer", "vantage": "us-1"}, {"role": "owner"}]
)
async def test_a_vantage_goes_with_a_prober(admin: httpx.AsyncClient, body: dict[str, str]):
    """What cannot be meant is refused."""
    response = await admin.post("/api/v1/tokens", json={"name": "ci", **body})

    assert response.status_code == 422


# Sessions of browsers


@pytest.mark.parametrize("role", ["viewer", "operator", "admin"])
async def test_a_session_may_look(stranger: httpx.AsyncClient, fakes: FakeDoors, role: str):
    """A browser's `EventSource` cannot send a token: what only looks admits its session, by role."""
    stranger.cookies.update(fakes.people.cookies(role))

    assert (await stranger.get("/api/v1/whoami")).json()["name"] == f"a-{role}"
    assert (await stranger.get("/api/v1/users")).status_code == (200 if role == "admin" else 403)
    assert (await stranger.head("/api/v1/status")).status_code == 405


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_a_session_may_not_act_over_the_api(stranger: httpx.AsyncClient, fakes: FakeDoors, method: str):
    """A browser sends its cookies with whatever another site makes it send: acts need a token."""
    stranger.cookies.update(fakes.people.cookies("admin"))

    response = await stranger.request(method, "/api/v1/pause", json={"scope": "fleet", "for": "1h"})

    assert response.status_code == 401
    assert fakes.operations.asked == []


async def test_a_wrong_token_is_not_mended_by_a_session(stranger: httpx.AsyncClient, fakes: FakeDoors):
    """Whoever sends a token is judged by it."""
    stranger.cookies.update(fakes.people.cookies("admin"))

    for header in ("Bearer nobody-token", "Basic YTpi", ""):
        response = await stranger.get("/api/v1/whoami", headers={"Authorization": header})
        assert response.status_code == 401


async def test_a_session_that_has_ended_may_not_look(stranger: httpx.AsyncClient, fakes: FakeDoors):
    """Removed users, forged cookies and none are the same."""
    cookies = fakes.people.cookies("viewer")
    name = fakes.people.sessions.cookie_name
    for cookie in (f"{cookies[name]}x", cookies[name].replace("viewer", "admin"), '";\\', ""):
        response = await stranger.get("/api/v1/whoami", headers={"Cookie": f"{name}={cookie}"})
        assert response.status_code == 401
    await fakes.people.accounts.remove_user("a-viewer", by="root")
    stranger.cookies.update(cookies)

    response = await stranger.get("/api/v1/whoami")

    assert response.status_code == 401
    assert PASSWORD not in response.text
