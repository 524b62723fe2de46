"""Owns the addresses of what was found and why: timelines of instances and cells, stories, evaluations."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Depends, Path, Query
from pydantic import AfterValidator, AwareDatetime

from controlplane.api.access import Viewer
from controlplane.api.context import ClockGiven, DoorsGiven
from controlplane.api.inputs import Name
from controlplane.api.problems import ProblemError, described
from controlplane.api.routes.history import CURSOR_PATTERN, PAGE_ROWS, PAGE_ROWS_MAX
from controlplane.api.schemas.history import (
    CellHistoryAnswer,
    EvaluationsAnswer,
    InstanceHistoryAnswer,
    StoryAnswer,
)
from controlplane.api.versioned import versioned
from controlplane.application.history_reading import EARLIEST, Span, place_of
from controlplane.application.history_stories import StoryCursor
from controlplane.application.ports.history import Place, Whose
from controlplane.contract.documents import DocumentKind
from controlplane.contract.names import INSTANCE_ID_RULE, is_instance_id
from controlplane.domain.history_time import Resolution

SPAN_DEFAULT = timedelta(hours=1)

router = versioned("history")


def _instance_id(text: str) -> str:
    if not is_instance_id(text):
        raise ValueError(f"not the id of an instance; an id is {INSTANCE_ID_RULE}")
    return text


async def _span(
    clock: ClockGiven,
    first: Annotated[
        AwareDatetime | None, Query(alias="from", description="The beginning, RFC 3339; an hour before `to`.")
    ] = None,
    last: Annotated[
        AwareDatetime | None, Query(alias="to", description="The end, RFC 3339; now, where it is left out.")
    ] = None,
    resolution: Annotated[
        Resolution, Query(description="What one point stands for; `raw` tells every probe of an instance.")
    ] = Resolution.MINUTE,
) -> Span:
    end: datetime = last or clock.now()
    return Span(first or max(end, EARLIEST) - SPAN_DEFAULT, end, resolution)


async def _turns_after(
    turns_cursor: Annotated[
        str | None,
        Query(pattern=r"^[0-9]{1,14}-[0-9]{1,18}$", description="`turns_cursor` of the answer before."),
    ] = None,
) -> Place | None:
    return place_of(turns_cursor) if turns_cursor else None


InstanceId = Annotated[str, AfterValidator(_instance_id), Path(description="Id of the instance.")]
SpanGiven = Annotated[Span, Depends(_span)]
TurnsAfter = Annotated[Place | None, Depends(_turns_after)]
OfVantage = Annotated[Name | None, Query(description="Only what this vantage saw.")]
OfCheck = Annotated[Name | None, Query(description="Only what this check found; health is of all checks.")]
Limit = Annotated[int, Query(ge=1, le=PAGE_ROWS_MAX, description="Rows on a page.")]
Cursor = Annotated[str | None, Query(pattern=CURSOR_PATTERN, description="`next_cursor` of the page before.")]
StoryCursorGiven = Annotated[
    str | None,
    Query(pattern=r"^[0-9]{0,18}-[0-9]{0,18}$", description="`next_cursor` of the page before."),
]


@router.get("/history/instances/{instance}", responses=described(404, 503))
async def instance_history(
    instance: InstanceId,
    doors: DoorsGiven,
    _: Viewer,
    *,
    span: SpanGiven,
    turns_after: TurnsAfter,
    vantage: OfVantage = None,
    check: OfCheck = None,
) -> InstanceHistoryAnswer:
    """Health and latency of an instance over time. With `raw`, go on at `next_from`."""
    whose = Whose(instance=instance, vantage=vantage, check=check)
    found = await doors.history.timelines.instance(whose, span, turns_after=turns_after)
    if found is None:
        raise ProblemError(404, "not_found", f"Nothing is known of an instance {instance} like that.")
    return InstanceHistoryAnswer.model_validate(found)


@router.get("/history/cells/{service}/{region}", responses=described(404, 503))
async def cell_history(
    service: Annotated[Name, Path(description="Name of the service.")],
    region: Annotated[Name, Path(description="Name of the region.")],
    doors: DoorsGiven,
    _: Viewer,
    *,
    span: SpanGiven,
    turns_after: TurnsAfter,
    vantage: OfVantage = None,
    check: OfCheck = None,
) -> CellHistoryAnswer:
    """Health and latency of a service in a region over time, over all of its instances."""
    whose = Whose(service=service, region=region, vantage=vantage, check=check)
    found = await doors.history.timelines.cell(whose, span, turns_after=turns_after)
    if found is None:
        raise ProblemError(404, "not_found", f"Nothing is known of {service} in {region} like that.")
    return CellHistoryAnswer.model_validate(found)


@router.get("/history/groups/{group}", responses=described(503))
async def group_history(
    group: Annotated[Name, Path(description="Name of the failover group.")],
    doors: DoorsGiven,
    _: Viewer,
    cursor: StoryCursorGiven = None,
    limit: Limit = PAGE_ROWS,
) -> StoryAnswer:
    """Moves of a group and, between them, why it did not move; newest first."""
    page = StoryCursor.read(cursor) if cursor else StoryCursor()
    return StoryAnswer.model_validate(await doors.history.stories.group(group, cursor=page, limit=limit))


@router.get("/history/switches/{service}/{switch}", responses=described(503))
async def switch_history(
    service: Annotated[Name, Path(description="Name of the service.")],
    switch: Annotated[Name, Path(description="Name of the switch.")],
    doors: DoorsGiven,
    _: Viewer,
    cursor: Cursor = None,
    limit: Limit = PAGE_ROWS,
) -> StoryAnswer:
    """Changes of one switch, newest first. A page may be short, or empty, and still name a next one."""
    before = None if cursor is None else int(cursor)
    story = await doors.history.stories.switch(service, switch, before=before, limit=limit)
    return StoryAnswer.model_validate(story)


@router.get("/evaluations", responses=described(503))
async def evaluations(
    doors: DoorsGiven,
    _: Viewer,
    group: Annotated[Name | None, Query(description="Only of this failover group.")] = None,
    service: Annotated[Name | None, Query(description="Only of this service's switches.")] = None,
    cursor: Cursor = None,
    limit: Limit = PAGE_ROWS,
) -> EvaluationsAnswer:
    """Why nothing was moved, and publications that were refused or got no answer; newest first."""
    if group and service:
        raise ProblemError(422, "invalid_request", "Either `group` or `service` is allowed, not both.")
    kind = DocumentKind.FAILOVER if group else DocumentKind.SWITCHES if service else None
    before = None if cursor is None else int(cursor)
    page = await doors.history.stories.evaluations(
        kind=kind, name=group or service, before=before, limit=limit
    )
    return EvaluationsAnswer.model_validate(page)
