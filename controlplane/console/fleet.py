"""Owns the pages of the fleet: services by regions, a service with its instances, an instance over time."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi import Request
from starlette.responses import HTMLResponse

from controlplane.application.doors import Doors
from controlplane.application.history_reading import HistoryRangeError, Span
from controlplane.application.ports.history import Whose
from controlplane.application.views import StatusView
from controlplane.console.context import ClockGiven, DoorsGiven, RendererGiven, pages
from controlplane.console.fleet_board import cell_mark, check_facts, fleet_rows, instance_row, instance_rows
from controlplane.console.marks import Mark
from controlplane.console.paging import page_of
from controlplane.console.past import answered
from controlplane.console.past_board import Past, past
from controlplane.console.ranges import PRESETS, Range, range_of
from controlplane.console.refusals import not_found
from controlplane.console.texts import gettext as _
from controlplane.console.visitors import VisitorGiven
from controlplane.domain.fleet import Instance, Service

TEXT_CHARACTERS_MAX = 128
NEVER_HEARD = _("Nothing was probed in this time.")

T = TypeVar("T")

router = pages()


@dataclass(frozen=True, slots=True)
class CellPast:
    """One region of a service: how it fares, and how it fared."""

    region: str
    mark: Mark
    past: Past | None
    silence: str
    """Why there is no past to be told; empty where there is one."""


@router.get("/fleet")
async def fleet(
    request: Request, doors: DoorsGiven, renderer: RendererGiven, visitor: VisitorGiven, q: str = ""
) -> HTMLResponse:
    """All services by regions, those in trouble first."""
    definitions, text = doors.registry.current(), q[:TEXT_CHARACTERS_MAX]
    rows = fleet_rows(definitions.fleet, doors.queries.status(), doors.switches.all(), text=text)
    return renderer.page(
        request,
        "fleet.html",
        visitor=visitor,
        page=page_of(rows, request),
        regions=[region.name for region in definitions.fleet.regions],
        q=text,
        revision=definitions.revision,
    )


@router.get("/fleet/{name}")
async def service(
    request: Request,
    name: str,
    *,
    doors: DoorsGiven,
    renderer: RendererGiven,
    visitor: VisitorGiven,
    clock: ClockGiven,
    region: str = "",
    q: str = "",
) -> HTMLResponse:
    """A service: each region with its last hours, and its instances."""
    found = _service(doors, name)
    status, asked = doors.queries.status(), range_of(request.query_params, clock.now())
    rows = instance_rows(found, status.vantages, region=region, text=q[:TEXT_CHARACTERS_MAX])
    looks = (_cell(doors, status, found, one, asked) for one in _regions(found))
    return renderer.page(
        request,
        "service.html",
        visitor=visitor,
        service=found,
        groups=[group.name for group in doors.registry.current().fleet.groups if name in group.services],
        checks=list(check_facts(found.checks)),
        cells=await asyncio.gather(*looks),
        page=page_of(rows, request),
        region=region,
        q=q[:TEXT_CHARACTERS_MAX],
        range=asked,
        presets=PRESETS,
    )


@router.get("/instances/{name}")
async def instance(
    request: Request,
    name: str,
    *,
    doors: DoorsGiven,
    renderer: RendererGiven,
    visitor: VisitorGiven,
    clock: ClockGiven,
) -> HTMLResponse:
    """One instance: how it is probed, what is seen of it now, and its health and latency over time."""
    status, asked = doors.queries.status(), range_of(request.query_params, clock.now())
    defined = _instance(doors, name)
    timelines = doors.history.timelines
    history, silence = await _told(timelines.instance(Whose(instance=name), _span(asked)))
    if defined is None and history is None and silence == NEVER_HEARD:
        raise not_found(_("There is no instance %(name)s.") % {"name": name}, _("The fleet lists them all."))
    return renderer.page(
        request,
        "instance.html",
        visitor=visitor,
        name=name,
        service=defined[0].name if defined else None,
        row=instance_row(defined[1], status.vantages) if defined else None,
        checks=list(check_facts(defined[0].checks)) if defined else [],
        history=history,
        past=past(history.timeline, as_of=status.as_of) if history else None,
        silence=silence,
        range=asked,
        presets=PRESETS,
    )


async def _cell(doors: Doors, status: StatusView, found: Service, region: str, asked: Range) -> CellPast:
    size = sum(one.region == region for one in found.instances)
    whose = Whose(service=found.name, region=region)
    history, silence = await _told(doors.history.timelines.cell(whose, _span(asked)))
    return CellPast(
        region=region,
        mark=cell_mark(size, status.cells.get(found.name, {}).get(region)),
        past=past(history.timeline, as_of=status.as_of) if history else None,
        silence=silence,
    )


async def _told(reading: Coroutine[Any, Any, T | None]) -> tuple[T | None, str]:
    """What history tells, or why it tells nothing."""
    try:
        found = await answered(_boxed(reading))
    except HistoryRangeError as error:
        return None, _("Too much for one page: %(why)s.") % {"why": error}
    if found is None:
        return None, _(
            "PostgreSQL does not answer in time. What probers find waits on their disks until it does."
        )
    return found[0], "" if found[0] else NEVER_HEARD


async def _boxed(reading: Coroutine[Any, Any, T]) -> tuple[T]:
    """So that an answer of nothing is told from no answer."""
    return (await reading,)


def _span(asked: Range) -> Span:
    return Span(asked.first, asked.last, asked.resolution)


def _service(doors: Doors, name: str) -> Service:
    services = {one.name: one for one in doors.registry.current().fleet.services}
    if name not in services:
        raise not_found(_("There is no service %(name)s.") % {"name": name}, _("The fleet lists them all."))
    return services[name]


def _regions(found: Service) -> list[str]:
    return list(dict.fromkeys(one.region for one in found.instances))


def _instance(doors: Doors, name: str) -> tuple[Service, Instance] | None:
    for found in doors.registry.current().fleet.services:
        for one in found.instances:
            if one.id == name:
                return found, one
    return None
