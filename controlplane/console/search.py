"""Owns finding by name: services, groups, switches and instances that hold a text."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from controlplane.console.context import DoorsGiven, RendererGiven, pages
from controlplane.console.texts import gettext as _
from controlplane.console.visitors import VisitorGiven
from controlplane.domain.fleet import Fleet

TEXT_CHARACTERS_MAX = 128
FOUND_MAX = 50
"""Of a kind: who sees so many types another letter."""

router = pages()


@dataclass(frozen=True, slots=True)
class Found:
    """One thing of that name."""

    name: str
    path: str
    belongs: str
    """What it is part of."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What was found of one kind."""

    title: str
    found: tuple[Found, ...]
    """The first `FOUND_MAX`."""
    total: int


@router.get("/search")
async def search(
    request: Request, doors: DoorsGiven, renderer: RendererGiven, visitor: VisitorGiven, q: str = ""
) -> Response:
    """Everything of that name; where there is one thing only, straight to it."""
    text = q.strip()[:TEXT_CHARACTERS_MAX]
    kinds = tuple(_kinds(doors.registry.current().fleet, text.casefold())) if text else ()
    found = [one for kind in kinds for one in kind.found]
    if len(found) == 1:
        return RedirectResponse(found[0].path, 303)
    return renderer.page(request, "search.html", visitor=visitor, q=text, kinds=kinds)


def _kinds(fleet: Fleet, text: str) -> Iterator[Kind]:
    found = {
        _("Services"): [
            Found(one.name, f"/fleet/{one.name}", "") for one in fleet.services if text in one.name
        ],
        _("Failover groups"): [
            Found(one.name, f"/groups/{one.name}", "") for one in fleet.groups if text in one.name
        ],
        _("Switches"): [
            Found(f"{service.name}/{one.name}", f"/switches/{service.name}/{one.name}", one.description)
            for service in fleet.services
            for one in service.switches
            if text in f"{service.name}/{one.name}"
        ],
        _("Instances"): [
            Found(one.id, f"/instances/{quote(one.id, safe='')}", f"{service.name}, {one.region}")
            for service in fleet.services
            for one in service.instances
            if text in one.id.casefold()
        ],
    }
    for title, hits in found.items():
        if hits:
            yield Kind(title, tuple(hits[:FOUND_MAX]), len(hits))
