"""Owns the addresses that describe the present: the whole, and who is asking."""

from controlplane.api.access import Viewer
from controlplane.api.context import DoorsGiven
from controlplane.api.schemas.status import PrincipalAnswer, StatusAnswer
from controlplane.api.versioned import versioned
from controlplane.application.views import Principal, StatusView

router = versioned("status")


@router.get("/status", response_model=StatusAnswer)
async def status(doors: DoorsGiven, _: Viewer) -> StatusView:
    """Everything at a glance, as this replica sees it; works without PostgreSQL and without Consul."""
    return doors.queries.status()


@router.get("/whoami", response_model=PrincipalAnswer)
async def whoami(principal: Viewer) -> Principal:
    """Who is asking, and with which role."""
    return principal
