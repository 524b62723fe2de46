"""What every `EvaluationRepository` keeps, on one in memory and on the real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from controlplane.adapters.postgres.history_evaluations import RECORDS_PER_STATEMENT_MAX, PostgresEvaluations
from controlplane.application.ports import Narrowing
from controlplane.application.ports.evaluations import EvaluationRepository
from controlplane.domain.history_records import EvaluationRecord, Origin
from tests.adapters.postgres_contract import BOTH, opened
from tests.fakes.history import FakeEvaluations

ORIGIN = Origin("", "control", "boot1")
RECORD = EvaluationRecord(
    kind="failover",
    name="checkout",
    at="2026-01-12T09:31:07.412Z",
    outcome="stay",
    code="min_healthy",
    reason="us-east down from 3 of 3 vantages for 5.2 s; not moved: eu-west has 1 of 3 up",
    before="evaluating",
    state="blocked",
    inputs={"active": "us-east", "regions": [{"region": "eu-west", "fit": False}]},
)


@pytest.fixture(params=BOTH)
async def repository(request: pytest.FixtureRequest) -> AsyncIterator[EvaluationRepository]:
    async with opened(request, fake=FakeEvaluations, real=PostgresEvaluations) as repository:
        yield repository


async def test_a_record_becomes_a_row(repository: EvaluationRepository):
    """A row says everything that the record said."""
    refused = EvaluationRecord(
        "switches",
        "cart",
        "2026-01-12T09:31:08.000Z",
        "refused",
        "revision_taken",
        "taken",
        trace_id="4bf92f35",
    )
    await repository.store(ORIGIN, [(1, RECORD), (2, refused)])
    rows = await repository.page(kind=None, name=None, before=None, limit=10)

    assert [
        EvaluationRecord(**{name: getattr(row, name) for name in EvaluationRecord.__slots__}) for row in rows
    ] == [refused, RECORD]


async def test_storing_again_is_harmless(repository: EvaluationRepository):
    """The same records, in whatever batches and from two sides at once, make one row each."""
    records = [
        (number, replace(RECORD, code=str(number))) for number in range(1, RECORDS_PER_STATEMENT_MAX + 9)
    ]
    await repository.store(ORIGIN, records[:5])
    await asyncio.gather(*(repository.store(ORIGIN, records) for _ in range(3)))
    rows = await repository.page(kind=None, name=None, before=None, limit=1_000)

    assert sorted(int(row.code) for row in rows) == [number for number, _ in records]


async def test_another_boot_has_its_own_numbers(repository: EvaluationRepository):
    """A replica that was started again begins with 1."""
    await repository.store(ORIGIN, [(1, RECORD)])
    await repository.store(replace(ORIGIN, boot="boot2"), [(1, RECORD)])

    assert len(await repository.page(kind=None, name=None, before=None, limit=10)) == 2


async def test_pages_go_backwards(repository: EvaluationRepository):
    """Pages follow the order of storing, newest first, and filter by kind and name."""
    named = [
        ("failover", "checkout"),
        ("switches", "checkout"),
        ("failover", "cart"),
        ("failover", "checkout"),
    ]
    records = [
        replace(RECORD, kind=kind, name=name, code=str(place)) for place, (kind, name) in enumerate(named)
    ]
    await repository.store(ORIGIN, [*enumerate(records, 1)])

    async def codes(
        kind: str | None, name: str | None, before: int | None = None, limit: int = 10
    ) -> list[str]:
        rows = await repository.page(kind=kind, name=name, before=before, limit=limit)
        return [row.code for row in rows]

    assert await codes(None, None) == ["3", "2", "1", "0"]
    assert await codes("failover", "checkout") == ["3", "0"]
    (newest,) = await repository.page(kind=None, name="checkout", before=None, limit=1)
    assert await codes(None, "checkout", before=newest.position) == ["1", "0"]


async def test_history_is_narrowed_where_it_is_kept(repository: EvaluationRepository):
    """Outcome, author, a part of the reason and a stretch of time narrow a page; none has a revision."""
    refused = replace(
        RECORD, at="2026-01-12T10:00:00.000Z", outcome="refused", reason="taken", inputs={"by": "alice"}
    )
    await repository.store(ORIGIN, [(1, RECORD), (2, refused)])

    async def found(**narrowed: Any) -> list[str]:
        rows = await repository.page(
            kind=None, name=None, before=None, limit=10, narrowed=Narrowing(**narrowed)
        )
        return [row.outcome for row in rows]

    assert await found() == ["refused", "stay"]
    assert await found(what="stay") == ["stay"]
    assert await found(by="alice") == ["refused"]
    assert await found(by="controlplane") == ["stay"]
    assert await found(reason="US-EAST down") == ["stay"]
    assert await found(since="2026-01-12T10:00:00.000Z") == ["refused"]
    assert await found(until="2026-01-12T10:00:00.000Z") == ["stay"]
    assert await found(revision=1) == []


async def test_what_no_text_column_holds_is_replaced(repository: EvaluationRepository):
    """A reason with NUL in it does not stop the record."""
    await repository.store(ORIGIN, [(1, replace(RECORD, reason="a\x00b"))])
    (row,) = await repository.page(kind=None, name=None, before=None, limit=1)

    assert row.reason in {"a\x00b", "a\ufffdb"}
