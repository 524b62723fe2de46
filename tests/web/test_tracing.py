"""One trace id from the caller through log and answer."""

import io
import json
import logging
import re
from collections.abc import Iterator

import httpx
import pytest

from controlplane.adapters.logs import configure_logs
from tests.fakes.doors import FakeDoors

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
HEADER = "controlplane-trace-id"


async def test_the_callers_trace_is_continued(viewer: httpx.AsyncClient):
    """A valid `traceparent` gives the trace id of answer and problem."""
    response = await viewer.get("/api/v1/nothing", headers={"traceparent": f"00-{TRACE}-{SPAN}-01"})

    assert response.headers[HEADER] == TRACE
    assert response.json()["trace_id"] == TRACE


@pytest.mark.parametrize(
    "traceparent",
    [
        "",
        "nonsense",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-01\n",
    ],
)
async def test_a_malformed_trace_is_replaced_by_a_fresh_one(viewer: httpx.AsyncClient, traceparent: str):
    """Nobody writes anything but 32 hex digits into our logs this way."""
    request = viewer.build_request("GET", "/api/v1/status")
    request.headers.raw.append((b"traceparent", traceparent.encode()))

    first, second = await viewer.send(request), await viewer.get("/api/v1/status")

    assert re.fullmatch(r"[0-9a-f]{32}", first.headers[HEADER])
    assert first.headers[HEADER] not in {TRACE, second.headers[HEADER]}


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything that the process logs, as its lines are written."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers = []  # kept aside: configuring the log closes those it finds
    stream = io.StringIO()
    configure_logs(level="debug", process="control", stream=stream)
    yield stream
    logging.captureWarnings(capture=False)
    root.handlers, root.level = handlers, level


def requests(log: io.StringIO) -> list[dict[str, object]]:
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    return [line for line in lines if line["event"] == "request"]


async def test_an_act_and_its_log_line_share_the_trace(
    operator: httpx.AsyncClient, fakes: FakeDoors, log: io.StringIO
):
    """The trace id of an act stands in the request to the application and in the log line of the request."""
    response = await operator.post(
        "/api/v1/failover/checkout/move", json={"to": "eu-west", "reason": "INC-1"}
    )

    (asked,), (line,) = fakes.operations.asked, requests(log)
    assert asked.act.trace_id == response.headers[HEADER] == line["trace_id"]
    assert (line["by"], line["status"], line["level"]) == ("a-operator", 200, "info")
    assert line["route"] == "/api/v1/failover/{group}/move"


async def test_reads_that_went_well_are_not_news(viewer: httpx.AsyncClient, log: io.StringIO):
    """Scrapes and refreshes stay below `info`; refusals do not."""
    await viewer.get("/healthz")
    await viewer.get("/api/v1/nothing")

    assert [line["level"] for line in requests(log)] == ["debug", "info"]
