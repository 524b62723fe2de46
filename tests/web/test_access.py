"""Who may call what: every route, every role."""

from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from controlplane.application.views import PlanView
from tests.fakes.doors import ROLES, FakeDoors
from tests.web.conftest import Connect

MOVE = {"to": "eu-west", "reason": "INC-1"}
REASON = {"reason": "INC-1"}
RESTRAINT = {"scope": "group", "name": "checkout", "reason": "INC-1"}


@dataclass(frozen=True)
class Route:
    """A route, a request that it takes, and who may send it."""

    method: str
    path: str
    roles: str
    json: Any = None
    content: str | None = None
    found: bool = True
    """Whether the fakes have what is asked for; else only the door is judged."""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def template(self) -> str:
        """The path as the interface describes it."""
        path = self.path.partition("?")[0]
        for name, placeholder in PLACEHOLDERS.items():
            path = path.replace(f"/{name}", f"/{{{placeholder}}}")
        return path


READERS = "viewer operator admin"
PLACEHOLDERS = {
    "checkout": "group",
    "payments": "service",
    "new-ui": "switch",
    "an-instance": "instance",
    "a-region": "region",
    "failover/catalog": "kind}/{name",
    "a-viewer": "user",
    "a-program": "token",
}
ROUTES = [
    Route("GET", "/status", READERS),
    Route("GET", "/whoami", READERS),
    Route("GET", "/failover", READERS),
    Route("GET", "/failover/checkout", READERS),
    Route("POST", "/failover/checkout/plan", READERS, json={"to": "eu-west"}),
    Route("POST", "/failover/checkout/move", "operator admin", json=MOVE),
    Route("GET", "/switches", READERS),
    Route("GET", "/switches/payments", READERS),
    Route("GET", "/switches/payments/new-ui", READERS),
    Route("POST", "/switches/payments/new-ui/degrade", "operator admin", json=REASON),
    Route("POST", "/switches/payments/new-ui/restore", "operator admin", json=REASON),
    Route("POST", "/switches/payments/new-ui/force", "operator admin", json=REASON),
    Route("POST", "/switches/payments/undo", "operator admin", json={**REASON, "revision": 7}),
    Route("POST", "/switches/payments/drift", "operator admin", json={**REASON, "policy": "adopt"}),
    Route("GET", "/confirmations", READERS),
    Route("GET", "/confirmations/failover/catalog", READERS),
    Route("GET", "/pause", READERS),
    Route("POST", "/pause", "operator admin", json={**RESTRAINT, "for": "1h"}),
    Route("POST", "/resume", "operator admin", json=RESTRAINT),
    Route("GET", "/users", "admin"),
    Route("PUT", "/users/a-viewer", "admin", json={"role": "operator"}),
    Route("DELETE", "/users/a-viewer", "admin"),
    Route("GET", "/tokens", "admin"),
    Route("POST", "/tokens", "admin", json={"name": "ci", "role": "viewer"}, found=False),
    Route("DELETE", "/tokens/a-program", "admin", found=False),
    Route("GET", "/registry/definitions", f"{READERS} prober"),
    Route("POST", "/registry/apply", "admin", content="regions: []"),
    Route("POST", "/registry/apply?dry_run=true", READERS, content="regions: []"),
    Route("GET", "/registry/export", READERS),
    Route("GET", "/changes", READERS),
    Route("GET", "/evaluations", READERS),
    Route("GET", "/history/groups/checkout", READERS),
    Route("GET", "/history/switches/payments/new-ui", READERS),
    Route("GET", "/history/instances/an-instance", READERS, found=False),
    Route("GET", "/history/cells/payments/a-region", READERS, found=False),
    Route("POST", "/probe-history", "prober", found=False),
    Route("POST", "/failover/checkout/drift", "operator admin", json={**REASON, "policy": "adopt"}),
    Route("GET", "/openapi.json", READERS),
]
ENDLESS = {("GET", "/api/v1/events")}
"""Its doors are judged in `test_event_routes`."""
EVERYBODY = [None, *ROLES]


async def send(client: httpx.AsyncClient, route: Route) -> httpx.Response:
    return await client.request(route.method, f"/api/v1{route.path}", json=route.json, content=route.content)


@pytest.fixture
def plan_of_checkout(fakes: FakeDoors) -> None:
    fakes.operations.plans = {"checkout": PlanView("checkout", "us-east", "eu-west", 16, (), (), (), "hash")}


@pytest.mark.usefixtures("plan_of_checkout")
@pytest.mark.parametrize("role", EVERYBODY)
@pytest.mark.parametrize("route", ROUTES, ids=str)
async def test_each_route_admits_its_roles_and_no_other(connect: Connect, route: Route, role: str | None):
    """Strangers get 401, the wrong roles 403, the right ones what they asked for."""
    expected = 401 if role is None else 200 if role in route.roles.split() else 403

    response = await send(connect(role), route)

    if route.found or expected != 200:
        assert response.status_code == expected, response.text
    else:
        assert response.status_code not in {401, 403}, response.text


def test_no_route_is_left_out_of_the_table_above(application):
    """Every operation of the interface is judged for every role."""
    described = {
        (method.upper(), path)
        for path, operations in application.openapi()["paths"].items()
        for method in operations
        if path.startswith("/api/")
    }
    judged = {(route.method, f"/api/v1{route.template}") for route in ROUTES}

    assert judged - {("GET", "/api/v1/openapi.json")} == described - ENDLESS


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/v1", "/api/v1/nothing", "/api/v2/status"])
async def test_a_stranger_learns_nothing_about_unknown_paths(stranger: httpx.AsyncClient, path: str):
    """Below `/api`, 401 comes before 404."""
    assert (await stranger.get(path)).status_code == 401


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
async def test_whoever_runs_the_process_needs_no_token(stranger: httpx.AsyncClient, path: str):
    """Health, readiness and metrics are open."""
    assert (await stranger.get(path)).status_code == 200


@pytest.mark.parametrize(
    "header",
    ["Basic dmlld2VyLXRva2Vu", "Bearer", "Bearer ", "Bearer nobody-token", "viewer-token", "Bearer é"],
)
async def test_only_a_known_bearer_token_is_admitted(stranger: httpx.AsyncClient, header: str):
    """Other schemes, empty and unknown tokens are answered 401 with the scheme that is wanted."""
    response = await stranger.get("/api/v1/whoami", headers=[(b"Authorization", header.encode("latin-1"))])

    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.json()["code"] == "unauthenticated"


async def test_the_scheme_is_spelled_in_any_case(stranger: httpx.AsyncClient):
    """`bearer` admits as `Bearer` does."""
    response = await stranger.get("/api/v1/whoami", headers={"Authorization": "bearer viewer-token"})

    assert response.json() == {"name": "a-viewer", "role": "viewer", "vantage": None}


async def test_a_role_of_a_later_version_is_admitted_nowhere(connect: Connect, fakes: FakeDoors):
    """A role that this version does not know has no rank at all."""
    fakes.gatekeeper.roles = ("auditor",)

    response = await connect("auditor").get("/api/v1/registry/definitions")

    assert response.status_code == 403
    assert response.json()["detail"] == "This needs the role viewer; a-auditor is auditor."
