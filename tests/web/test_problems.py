"""Every error answer is a problem; no answer tells about our insides."""

import httpx
import pytest

from controlplane.api.headers import CONTENT_SECURITY_POLICY
from tests.fakes.doors import FakeDoors

FIELDS = {"type", "title", "status", "detail", "code", "trace_id"}


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/v1/nothing", 404, "not_found"),
        ("DELETE", "/api/v1/status", 405, "method_not_allowed"),
        ("GET", "/api/v1/changes?limit=x", 422, "invalid_request"),
        ("POST", "/api/v1/pause", 422, "invalid_request"),
        ("GET", "/nothing", 404, "not_found"),
    ],
)
async def test_what_the_framework_refuses_is_a_problem_too(
    operator: httpx.AsyncClient, method: str, path: str, status: int, code: str
):
    """Unknown paths, methods and unreadable input come in the one shape of errors."""
    response = await operator.request(method, path)

    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem.keys() >= FIELDS
    assert (problem["status"], problem["code"]) == (status, code)


async def test_a_wrong_method_names_the_right_ones(operator: httpx.AsyncClient):
    """405 comes with `Allow`."""
    assert (await operator.delete("/api/v1/status")).headers["allow"] == "GET"


async def test_input_is_not_echoed(operator: httpx.AsyncClient):
    """A refused value does not come back in the answer."""
    response = await operator.post("/api/v1/pause", json={"scope": "<script>alert(1)</script>"})

    assert "<script>" not in response.text


async def test_an_unforeseen_error_is_500_without_internals(
    viewer: httpx.AsyncClient, fakes: FakeDoors, caplog: pytest.LogCaptureFixture
):
    """The answer has a trace id and not a word of the exception; the log has both."""

    def broken():
        raise RuntimeError("password=hunter2")

    fakes.queries.status = broken  # type: ignore[method-assign]

    response = await viewer.get("/api/v1/status")

    assert (response.status_code, response.json()["code"]) == (500, "internal_error")
    assert "hunter2" not in response.text
    assert [line.message for line in caplog.records if line.levelname == "ERROR"] == ["request failed"]
    assert response.headers["content-security-policy"] == CONTENT_SECURITY_POLICY


@pytest.mark.parametrize("path", ["/api/v1/status", "/api/v1/nothing", "/healthz", "/metrics", "/nothing"])
async def test_every_answer_carries_the_security_headers(stranger: httpx.AsyncClient, path: str):
    """Errors and open addresses are no exceptions."""
    headers = (await stranger.get(path)).headers

    assert headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert "frame-ancestors 'none'" in CONTENT_SECURITY_POLICY
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers
