"""Owns the addresses of confirmation: which readers have applied what is in force."""

from typing import Annotated

from fastapi import Path

from controlplane.api.access import Viewer
from controlplane.api.context import DoorsGiven
from controlplane.api.inputs import Name
from controlplane.api.problems import ProblemError, described
from controlplane.api.schemas.confirmation import ConfirmationAnswer, ConfirmationsAnswer
from controlplane.api.versioned import versioned
from controlplane.application.confirm_views import ConfirmationView
from controlplane.application.views import StatusView
from controlplane.contract.documents import DocumentKind

router = versioned("confirmation", "/confirmations")


@router.get("", response_model=ConfirmationsAnswer)
async def confirmations(doors: DoorsGiven, _: Viewer) -> StatusView:
    """Every document, and how many of its instances confirm it."""
    return doors.queries.status()


@router.get("/{kind}/{name}", response_model=ConfirmationAnswer, responses=described(404))
async def confirmation(
    kind: Annotated[DocumentKind, Path(description="Which kind of document.")],
    name: Annotated[Name, Path(description="Of the group, or of the service.")],
    doors: DoorsGiven,
    _: Viewer,
) -> ConfirmationView:
    """One document. After a move or a flip, ask until `revision` is the new one and `confirmed` is enough."""
    known = doors.queries.status().confirmations
    for view in known:
        if (view.kind, view.name) == (kind, name):
            return view
    titles = ", ".join(f"{view.kind}/{view.name}" for view in known) or "none"
    raise ProblemError(404, "unknown_document", f"There is no document {kind}/{name}; documents: {titles}.")
