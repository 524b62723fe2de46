"""Owns the acts on switches: flip, undo, adopt and enforce, each by a review of its own.

A review only looks ahead, so it is a plain address: a link in a table may lead straight to it, and loading it
again does nothing. Only the commit is a form that acts.
"""

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Path
from starlette.responses import Response

from controlplane.application.results import Act
from controlplane.application.switch_requests import DriftPolicy, DriftRequest, FlipRequest, UndoRequest
from controlplane.console.context import ClockGiven, pages
from controlplane.console.desk import Desk, DeskGiven
from controlplane.console.forms import FormGiven
from controlplane.console.standing import plain_json
from controlplane.console.switch_errands import Errand, committed, reviewed
from controlplane.console.switch_form import ENDS, Typed, typed, wanted
from controlplane.console.switch_review import Proposal, instances_by_region
from controlplane.console.switch_rows import page_path
from controlplane.console.switches import Here, HereGiven, ServiceGiven
from controlplane.console.texts import gettext as _
from controlplane.contract.keys import REVISION_LIMIT
from controlplane.domain.switches import Flip, Verb

_VERBS = {Verb.DEGRADE: _("Degrade"), Verb.RESTORE: _("Restore"), Verb.FORCE: _("Force normal")}

Revision = Annotated[int, Path(ge=1, lt=REVISION_LIMIT)]

router = pages()


@router.get("/switches/{service}/{switch}/flip")
async def ask(here: HereGiven, desk: DeskGiven) -> Response:
    """The form, with what the address says already in it."""
    return _form(desk, here, typed(desk.request.query_params, here.switch), {})


@router.get("/switches/{service}/{switch}/review")
async def review(here: HereGiven, desk: DeskGiven, clock: ClockGiven) -> Response:
    """What a flip would do; the form again where something is wrong with it."""
    form = typed(desk.request.query_params, here.switch)
    asked = wanted(form, here.switch, clock.now())
    if asked.flip is None:
        return _form(desk, here, form, asked.wrong)
    return await reviewed(desk, _flip(here, form, asked.flip), here.view, reason=form.reason)


@router.post("/switches/{service}/{switch}/flip")
async def flip(here: HereGiven, desk: DeskGiven, clock: ClockGiven, sent: FormGiven) -> Response:
    """Do it, and go on to the page of the switch."""
    form = typed({name: sent.raw(name) for name in sent.fields}, here.switch)
    asked = wanted(form, here.switch, clock.now())
    if asked.flip is None:
        return _form(desk, here, form, asked.wrong)
    return await committed(desk, _flip(here, form, asked.flip), here.view, sent)


@router.get("/switches/{service}/{switch}/undo/{revision}")
async def review_undo(here: HereGiven, desk: DeskGiven, revision: Revision) -> Response:
    """What taking back a revision would do."""
    reason = _("undo of revision %d") % revision
    return await reviewed(desk, _undo(here, revision), here.view, reason=reason)


@router.post("/switches/{service}/{switch}/undo/{revision}")
async def undo(here: HereGiven, desk: DeskGiven, revision: Revision, sent: FormGiven) -> Response:
    """Take it back."""
    return await committed(desk, _undo(here, revision), here.view, sent)


@router.get("/switches/{service}/drift/{policy}")
async def review_drift(view: ServiceGiven, desk: DeskGiven, policy: DriftPolicy) -> Response:
    """What adopting or enforcing would do."""
    return await reviewed(desk, _drift(view.service, policy), view, reason="")


@router.post("/switches/{service}/drift/{policy}")
async def drift(view: ServiceGiven, desk: DeskGiven, policy: DriftPolicy, sent: FormGiven) -> Response:
    """Say which is right."""
    return await committed(desk, _drift(view.service, policy), view, sent)


def _form(desk: Desk, here: Here, form: Typed, wrong: Mapping[str, str]) -> Response:
    fleet = desk.doors.registry.current().fleet
    return desk.page(
        "switch_flip.html",
        status_code=422 if wrong else 200,
        service=here.view.service,
        switch=here.switch,
        path=page_path(here.view.service, here.switch.name),
        form=form,
        wrong=wrong,
        ends=ENDS,
        normal=plain_json(here.switch.normal),
        regions=[region.name for region in fleet.regions],
        instances=instances_by_region(fleet, here.view.service),
    )


def _flip(here: Here, form: Typed, asked: Flip) -> Errand:
    service, path = here.view.service, page_path(here.view.service, here.switch.name)
    verb = _VERBS[asked.verb]
    place = _(" in %s") % form.scope if form.scope else ""

    def request(act: Act, revision: int | None) -> FlipRequest:
        return FlipRequest(act=act, service=service, flip=asked, expected_revision=revision)

    proposal = Proposal(
        title=f"{verb} {service}/{here.switch.name}{place}",
        subject=f"{service}/{here.switch.name}",
        verb=verb,
        action=f"{path}/flip",
        back=path,
        change=f"{path}/flip?{urlencode([*form.fields, ('reason', form.reason)])}",
        hint=_("The end counts from the commit.") if asked.expires_at else "",
        fields=form.fields,
    )
    return Errand(proposal, request, path)


def _undo(here: Here, revision: int) -> Errand:
    service, path = here.view.service, page_path(here.view.service, here.switch.name)

    def request(act: Act, expected: int | None) -> UndoRequest:
        return UndoRequest(act=act, service=service, revision=revision, expected_revision=expected)

    said = {"revision": revision, "service": service}
    proposal = Proposal(
        title=_("Undo revision %(revision)d of %(service)s") % said,
        subject=f"{service}/{here.switch.name}",
        verb=_("Undo"),
        action=f"{path}/undo/{revision}",
        back=path,
    )
    return Errand(proposal, request, path)


def _drift(service: str, policy: DriftPolicy) -> Errand:
    path = page_path(service)

    def request(act: Act, _revision: int | None) -> DriftRequest:
        return DriftRequest(act=act, service=service, policy=policy)

    adopts = policy is DriftPolicy.ADOPT
    title = _("Adopt what stands in Consul for %s") if adopts else _("Enforce what was published last for %s")
    proposal = Proposal(
        title=title % service,
        subject=service,
        verb=_("Adopt") if adopts else _("Enforce"),
        action=f"{path}/drift/{policy}",
        back=path,
    )
    return Errand(proposal, request, path)
