"""Owns the address that probers upload history to; `docs/history.md` describes the bytes."""

from fastapi import Request

from controlplane.api.access import Prober
from controlplane.api.context import DoorsGiven
from controlplane.api.problems import described
from controlplane.api.schemas.history import TakenAnswer
from controlplane.api.versioned import versioned

router = versioned("history")


@router.post(
    "/probe-history",
    responses=described(413, 422, 503),
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "Frames of history, at most 2 MiB.",
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def probe_history(request: Request, doors: DoorsGiven, principal: Prober) -> TakenAnswer:
    """Store what a prober found. Answered once it is stored; the same batch sent again is stored once.

    A prober's token uploads for its own vantage only. While PostgreSQL is away the answer is 503.
    """
    taken = await doors.history.ingest.take(await request.body(), vantage=principal.vantage or "")
    return TakenAnswer(
        turns=taken.stored.turns,
        blocks=taken.stored.blocks,
        repeated=taken.stored.repeated,
        skipped_blocks=taken.skipped_blocks,
    )
