"""What was found, asked for over the API: uploads in, timelines and stories out, and what is refused."""

from datetime import datetime

import httpx
import pytest

from controlplane.api.limits import PROBE_HISTORY_BYTES_MAX
from controlplane.contract.times import rfc3339
from controlplane.domain.history_records import Origin
from controlplane.domain.history_time import minute_of, moment_of
from tests.fakes.doors import FakeDoors
from tests.probe_histories import NOW, OK, SERIES, TIMEOUT, block, body, turn, upload
from tests.web.conftest import Connect

UPLOADS = "/api/v1/probe-history"
INSTANCE = f"/api/v1/history/instances/{SERIES.instance}"
CELL = f"/api/v1/history/cells/{SERIES.service}/{SERIES.region}"
FIRST, LAST = rfc3339(moment_of(NOW)), rfc3339(moment_of(NOW + 60))
HOUR = {"from": FIRST, "to": LAST}


@pytest.fixture
def prober(connect: Connect) -> httpx.AsyncClient:
    return connect("prober")


async def test_what_a_prober_uploads_is_told(prober: httpx.AsyncClient, viewer: httpx.AsyncClient):
    """An upload is answered for, sent again it is recognised, and its minutes stand in the timeline."""
    sent = body(upload([(SERIES, block(codes=[OK, OK, TIMEOUT]))], turns=[turn()]))
    first = (await prober.post(UPLOADS, content=sent)).json()
    again = (await prober.post(UPLOADS, content=sent)).json()
    told = (await viewer.get(INSTANCE, params=HOUR)).json()

    assert first == {"turns": 1, "blocks": 1, "repeated": 0, "skipped_blocks": 0}
    assert again == {"turns": 0, "blocks": 0, "repeated": 2, "skipped_blocks": 0}
    assert [point["reasons"] for point in told["timeline"]["points"]] == [{"ok": 2, "timeout": 1}]
    assert [(one["before"], one["after"]) for one in told["timeline"]["turns"]] == [("up", "down")]


async def test_a_cell_is_told_without_its_samples(prober: httpx.AsyncClient, viewer: httpx.AsyncClient):
    """A cell names its instances; samples are told of one instance at a time."""
    await prober.post(UPLOADS, content=body(upload([(SERIES, block())])))
    told = (await viewer.get(CELL, params=HOUR)).json()
    raw = await viewer.get(CELL, params=HOUR | {"resolution": "raw"})

    assert (told["instances"], told["timeline"]["total"]["probes"]) == ([SERIES.instance], 3)
    assert raw.status_code == 422
    assert "one instance at a time" in raw.json()["detail"]


@pytest.mark.parametrize(
    ("params", "why"),
    [
        ({"to": "0001-01-01T00:00:00Z"}, "from 1970 to 6000"),
        ({"from": "0001-01-01T00:00:00%2B23:00"}, None),
        ({"to": "9999-12-31T23:59:59.999999-23:00"}, "from 1970 to 6000"),
        ({"from": LAST, "to": FIRST}, "before"),
        ({"from": "2999-01-01T00:00:00Z"}, "before"),
        ({"from": FIRST, "to": "5000-01-01T00:00:00Z"}, "at most 1500 points"),
        ({"from": "yesterday"}, None),
        ({"resolution": "week"}, None),
        ({"turns_cursor": "1"}, None),
        ({"vantage": "US 1"}, None),
    ],
)
async def test_what_may_not_be_asked(
    prober: httpx.AsyncClient, viewer: httpx.AsyncClient, params: dict[str, str], why: str | None
):
    """A span or a filter that cannot be is answered with what is allowed, never with a fault."""
    await prober.post(UPLOADS, content=body(upload([(SERIES, block())])))
    response = await viewer.get(INSTANCE, params=params)

    assert response.status_code == 422
    assert why is None or why in response.json()["detail"]


async def test_an_hour_is_told_unless_one_asks_for_more(prober: httpx.AsyncClient, viewer: httpx.AsyncClient):
    """With an end alone, it is the hour before it; without a span, the hour up to now, in whole minutes."""
    await prober.post(UPLOADS, content=body(upload([(SERIES, block(NOW - 1))])))
    ended = (await viewer.get(INSTANCE, params={"to": FIRST})).json()["timeline"]
    latest = (await viewer.get(INSTANCE)).json()["timeline"]

    assert (ended["first"], ended["last"]) == (rfc3339(moment_of(NOW - 60)), FIRST)
    assert latest["last"] > FIRST
    assert minutes_between(latest["first"], latest["last"]) in {60, 61}


def minutes_between(first: str, last: str) -> int:
    return minute_of(datetime.fromisoformat(last)) - minute_of(datetime.fromisoformat(first))


@pytest.mark.parametrize(
    ("content", "status"),
    [(b"", 422), (b"no history", 422), (bytes(PROBE_HISTORY_BYTES_MAX + 1), 413)],
)
async def test_what_is_never_taken(prober: httpx.AsyncClient, content: bytes, status: int):
    """What is no history, or too much at once, is answered so that nobody sends it again."""
    assert (await prober.post(UPLOADS, content=content)).status_code == status


async def test_a_prober_speaks_for_its_own_vantage(prober: httpx.AsyncClient, fakes: FakeDoors):
    """Another vantage's history is forbidden, and nothing of it is kept."""
    foreign = upload([(SERIES, block())], origin=Origin("eu-1", "prober-1", "boot1"))

    assert (await prober.post(UPLOADS, content=body(foreign))).status_code == 403
    assert fakes.history.days == set()


async def test_while_postgresql_is_away_it_is_said(
    prober: httpx.AsyncClient, viewer: httpx.AsyncClient, fakes: FakeDoors
):
    """Uploads and questions are answered 503: the prober keeps what it has, and people are told why."""
    fakes.history.away = True
    sent = body(upload([(SERIES, block())]))
    answers = [await prober.post(UPLOADS, content=sent), await viewer.get(INSTANCE)]

    assert [(one.status_code, one.json()["code"]) for one in answers] == [(503, "database_unavailable")] * 2


@pytest.mark.parametrize("cursor", ["1", "-1-1", "9999999999999999999-", "a-b"])
async def test_cursors_that_nobody_gave_out(viewer: httpx.AsyncClient, cursor: str):
    """A cursor of a story is two numbers that PostgreSQL can hold, either of them may be missing."""
    story = "/api/v1/history/groups/checkout"

    assert (await viewer.get(story, params={"cursor": cursor})).status_code == 422
    assert (await viewer.get(story, params={"cursor": "-7"})).status_code == 200
