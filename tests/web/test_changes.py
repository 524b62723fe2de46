"""The pages of history as text: searched by the address, exported as searched, and one change by itself."""

import asyncio
import csv
import io
import json
from dataclasses import replace

import httpx
import pytest

from controlplane.console.change_export import EXPORT_ROWS_MAX
from controlplane.contract.documents import ChangeKind
from controlplane.contract.times import rfc3339
from tests.fakes.clock import EPOCH
from tests.fakes.doors import FakeDoors
from tests.web.group_pictures import CHECKOUT_MOVED, REFUSED, STAYED, record, remember
from tests.web.visiting import HOSTILE, assert_harmless, read, visiting, words

TODAY = rfc3339(EPOCH)[:10]
ALL = "from=2026-01-12T00:00&to=2026-01-13T00:00"


@pytest.fixture
async def viewer(fakes: FakeDoors):
    async with visiting(fakes) as client:
        yield client


@pytest.fixture
async def past(fakes: FakeDoors) -> FakeDoors:
    """Three changes of two groups, a non-decision and a refusal."""
    fakes.queries.picture = CHECKOUT_MOVED
    await remember(
        fakes,
        record(12),
        record(14, kind=ChangeKind.MANUAL, by="alice", reason="INC-4821 drain us-east"),
        record(17, name="search"),
        stays=(REFUSED, STAYED),
    )
    return fakes


def outline(text: str) -> list[str]:
    """The entries of a page by their time."""
    return [word for word in text.partition("Found")[2].split() if word.startswith("09:") and len(word) == 8]


TIMES = {
    "search": "09:17:07",
    "stayed": "09:16:30",
    "manual": "09:14:07",
    "first": "09:12:07",
    "refused": "09:10:30",
}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["search", "stayed", "manual", "first", "refused"]),
        ("what=changes", ["search", "manual", "first"]),
        ("what=non-decisions", ["stayed", "refused"]),
        ("what=manual", ["manual"]),
        ("what=refused", ["refused"]),
        ("kind=switches", []),
        ("kind=failover&name=search", ["search"]),
        ("by=alice", ["manual", "refused"]),
        ("by=controlplane&what=non-decisions", ["stayed"]),
        ("reason=inc-48", ["manual"]),
        ("reason=100%25", []),
        ("from=2026-01-12T09:14&to=2026-01-12T09:17", ["stayed", "manual"]),
        ("from=2026-01-12T10:14%2B01:00&to=2026-01-12T09:17", ["stayed", "manual"]),
        ("what=nonsense&kind=nonsense", ["search", "stayed", "manual", "first", "refused"]),
    ],
)
async def test_history_is_searched_by_the_address(
    viewer: httpx.AsyncClient, past: FakeDoors, query: str, found: list[str]
):
    """Every filter stands in the address and works without scripts; what is no filter filters nothing."""
    page = (await viewer.get(f"/changes?{ALL}&{query}" if "from=" not in query else f"/changes?{query}")).text

    assert outline(words(page)) == [TIMES[one] for one in found]


async def test_what_was_asked_for_stays_in_the_form(viewer: httpx.AsyncClient, past: FakeDoors):
    """The form shows the filters of the address, and its links keep them."""
    page = (await viewer.get(f"/changes?{ALL}&what=manual&by=alice&reason=INC&name=checkout")).text

    for part in ('value="manual" selected', 'value="alice"', 'value="INC"', 'value="checkout"'):
        assert part in page
    assert "/changes.csv?what=manual&amp;name=checkout&amp;by=alice&amp;reason=INC&amp;from=2026" in page
    assert 'value="2026-01-12T00:00"' in page


async def test_a_relative_range_can_be_fixed(viewer: httpx.AsyncClient):
    """A link with absolute moments shows the same tomorrow."""
    page = (await viewer.get("/changes?from=now-1h")).text

    assert 'value="now-1h"' in page
    assert f"/changes?from={TODAY}T" in page


async def test_without_a_range_a_week_is_shown(viewer: httpx.AsyncClient, past: FakeDoors):
    """What is older than a week is not asked for unless somebody wants it."""
    assert 'value="now-7d"' in (await viewer.get("/changes")).text


@pytest.mark.parametrize("query", ["from=yesterday", "from=now&to=now-1h", "to=2026-99-99"])
async def test_a_range_that_is_none_is_told_beside_the_form(viewer: httpx.AsyncClient, query: str):
    """The form comes again with what was typed, and nothing is searched."""
    response = await viewer.get(f"/changes?{query}&by=alice")

    assert response.status_code == 422
    assert 'role="alert"' in response.text
    assert 'value="alice"' in response.text
    assert (await viewer.get(f"/changes.csv?{query}")).status_code == 422


async def test_history_comes_in_pages(viewer: httpx.AsyncClient, fakes: FakeDoors):
    """A hundred entries a page; the cursor keeps the filters, and one that is none is told."""
    await remember(
        fakes, *(record(n, at=f"2026-01-12T09:{n // 60:02d}:{n % 60:02d}.000Z") for n in range(1, 250))
    )

    page = (await viewer.get(f"/changes?{ALL}&what=changes")).text
    assert "revision 249 " in words(page)
    assert "revision 150 " in words(page)
    assert "revision 149 " not in words(page)
    older = page.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    assert "what=changes" in older
    assert "revision 149 " in await read(viewer, older)
    await read(viewer, f"/changes?{ALL}&cursor=nonsense", status_code=422)


async def test_an_export_is_what_was_searched_for(viewer: httpx.AsyncClient, past: FakeDoors):
    """CSV and NDJSON hold the entries of the page, no more and no fewer, in its order."""
    table = await viewer.get(f"/changes.csv?{ALL}&by=alice")
    lines = await viewer.get(f"/changes.ndjson?{ALL}&by=alice")

    assert table.headers["content-type"].startswith("text/csv")
    assert table.headers["content-disposition"] == 'attachment; filename="changes.csv"'
    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert [(row["entry"], row["what"], row["by"], row["revision"]) for row in rows] == [
        ("change", "manual", "alice", "14"),
        ("evaluation", "refused", "alice", ""),
    ]
    objects = [json.loads(line) for line in lines.text.splitlines()]
    assert [one["at"] for one in objects] == [row["at"] for row in rows]
    assert objects[0]["after"]["active"] == "ap-south"
    assert objects[1]["code"] == "document_changed"


async def test_a_cell_is_never_a_formula(viewer: httpx.AsyncClient, fakes: FakeDoors):
    """What a spreadsheet would run arrives as text."""
    await remember(fakes, record(12, reason="=HYPERLINK(A1)", by="@alice"))

    (row,) = csv.DictReader(io.StringIO((await viewer.get(f"/changes.csv?{ALL}")).text))

    assert (row["reason"], row["by"]) == ("'=HYPERLINK(A1)", "'@alice")


async def test_too_much_is_no_export(viewer: httpx.AsyncClient, fakes: FakeDoors):
    """More rows than a file may hold are refused: a part is never given for the whole."""
    rows = [record(n, at="2026-01-12T09:00:00.000Z") for n in range(1, EXPORT_ROWS_MAX + 2)]
    await remember(fakes, rows[0])
    row = fakes.journal.rows[0]
    fakes.journal.rows = [replace(row, position=n, revision=n) for n in range(1, len(rows) + 1)]

    response = await viewer.get(f"/changes.csv?{ALL}")

    assert response.status_code == 413
    assert f"at most {EXPORT_ROWS_MAX} rows" in words(response.text)


async def test_an_export_without_a_database_is_a_page(viewer: httpx.AsyncClient, fakes: FakeDoors):
    """PostgreSQL away is told, and no empty file is given."""
    fakes.journal.away = True

    assert (await viewer.get(f"/changes.csv?{ALL}")).status_code == 503


async def test_one_change_tells_everything(viewer: httpx.AsyncClient, past: FakeDoors):
    """Before and after, author and reason, trace, explanation, and that another one followed."""
    text = await read(viewer, "/changes/failover/checkout/14")

    assert "checkout eu-west → us-east" not in text
    assert "manual revision 14, followed by revision 17, which is in force" in text
    assert "by alice at 09:14:07 because INC-4821 drain us-east" in text
    assert "trace 4bf92f3577b34da6a3ce929d0e0e4736" in text
    assert "plan hash 0a1b2c3d4e5f6071" in text
    assert "active eu-west ap-south" in text
    assert "is measured while it is in force; this one is not" in text
    assert '"down_seconds": 5.2' in text
    page = (await viewer.get("/changes/failover/checkout/14")).text
    assert 'href="/changes/failover/checkout/13"' in page
    assert 'href="/changes/failover/checkout/15"' in page


async def test_an_explanation_is_told_in_words(viewer: httpx.AsyncClient, fakes: FakeDoors):
    """Gates, lists and yes or no are words; what is empty is left out."""
    told = {
        "gates": {"target_healthy": {"ok": False, "text": "2 of 5 up"}},
        "overrides": ["a", "b"],
        "warnings": [],
    }
    await remember(fakes, record(17, explanation=told))

    text = await read(viewer, "/changes/failover/checkout/17")

    assert "gates target_healthy ok no; text 2 of 5 up" in text
    assert "overrides a; b" in text
    assert "warnings" not in text
    assert "revision 17, above revision 16, which is in force here" in text


async def test_one_evaluation_tells_why_nothing_was_done(viewer: httpx.AsyncClient, past: FakeDoors):
    """A non-decision has a page of its own: state, code, reason, and what it was decided from."""
    page = (await viewer.get(f"/changes?{ALL}&what=stay")).text
    assert "/changes/evaluations/2" in page

    text = await read(viewer, "/changes/evaluations/2")
    assert "checkout suspect → blocked" in text
    assert "outcome stay, no_target" in text
    assert "not moved: no other region passes its gates" in text
    assert '"down_seconds": 5.2' in text
    assert "trace 4bf92f35" in await read(viewer, "/changes/evaluations/1")
    assert "History has no evaluation 99" in await read(viewer, "/changes/evaluations/99", status_code=404)
    await read(viewer, "/changes/evaluations/0", status_code=422)


async def test_what_stood_in_the_way_is_told(viewer: httpx.AsyncClient, fakes: FakeDoors):
    """Each obstacle of a non-decision is a line; what another version wrote costs its lines alone."""
    told = [{"code": "no_target", "text": "no other region passes its gates"}, "nonsense"]
    await remember(
        fakes, stays=(replace(STAYED, inputs={"obstacles": told}), replace(STAYED, inputs={"obstacles": 7}))
    )

    assert "in the way no other region passes its gates" in await read(viewer, "/changes/evaluations/1")
    assert "in the way" not in await read(viewer, "/changes/evaluations/2")


async def test_a_change_of_a_document_that_is_gone_is_told(viewer: httpx.AsyncClient, fakes: FakeDoors):
    """History outlives the definitions."""
    await remember(fakes, record(3, name="gone"), record(2, document="switches", name="checkout"))

    assert "which revision is in force is not known here" in await read(viewer, "/changes/failover/gone/3")
    assert "followed by revision 42" in await read(viewer, "/changes/switches/checkout/2")


async def test_the_change_in_force_shows_who_applied_it(viewer: httpx.AsyncClient, fakes: FakeDoors):
    """The propagation of what is in force is told as everywhere."""
    fakes.queries.picture = CHECKOUT_MOVED
    await remember(fakes, record(17))

    text = await read(viewer, "/changes/failover/checkout/17")

    assert "revision 17, in force" in text
    assert "30 of 30 applied" in text


@pytest.mark.parametrize("path", ["failover/checkout/99", "switches/checkout/1", "failover/nowhere/1"])
async def test_a_change_that_is_none_is_not_found(viewer: httpx.AsyncClient, past: FakeDoors, path: str):
    """An unknown revision is a page that says where to look."""
    assert "History has no revision" in await read(viewer, f"/changes/{path}", status_code=404)


@pytest.mark.parametrize("path", ["galaxy/checkout/1", "failover/checkout/0", "failover/checkout/x"])
async def test_an_address_that_names_no_change_is_told(viewer: httpx.AsyncClient, path: str):
    """What cannot be a change is a page, not an error."""
    await read(viewer, f"/changes/{path}", status_code=422)


@pytest.mark.looptime
async def test_the_page_does_not_wait_for_a_frozen_database(fakes: FakeDoors):
    """With a PostgreSQL that hangs the search says so within a second, and so does the page of a change."""

    async def never(**_: object):
        await asyncio.Event().wait()

    fakes.journal.page = never  # type: ignore[method-assign]
    async with visiting(fakes) as viewer:
        assert "PostgreSQL does not answer in time." in await read(viewer, f"/changes?{ALL}")
        await read(viewer, "/changes/failover/checkout/17", status_code=503)

    assert asyncio.get_running_loop().time() < 2


async def test_history_that_is_known_to_be_away_is_not_asked(viewer: httpx.AsyncClient, fakes: FakeDoors):
    """While PostgreSQL is away the page is there with one sentence."""
    fakes.queries.picture = replace(CHECKOUT_MOVED, database_available=False)

    assert "PostgreSQL does not answer in time." in await read(viewer, "/changes")


async def test_nothing_that_others_wrote_becomes_markup(viewer: httpx.AsyncClient, fakes: FakeDoors):
    """Hostile authors, reasons, ids and filters are text and stay text, in the list and on the page."""
    nasty = {"by": HOSTILE, "reason": HOSTILE, "id": HOSTILE}
    await remember(fakes, record(17, **nasty), stays=(replace(STAYED, reason=HOSTILE, state=HOSTILE),))

    assert_harmless((await viewer.get(f"/changes?{ALL}")).text, times=4)
    typed = {"by": HOSTILE, "reason": HOSTILE, "name": HOSTILE, "from": HOSTILE, "to": HOSTILE}
    assert_harmless((await viewer.get("/changes", params=typed)).text, times=5)
    assert_harmless((await viewer.get("/changes/failover/checkout/17")).text, times=3)
    assert_harmless((await viewer.get("/changes/evaluations/1")).text, times=2)
