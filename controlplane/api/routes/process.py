"""Owns the open addresses, for whoever runs the process: alive, ready, metrics."""

from fastapi import APIRouter, Request, Response
from prometheus_client.exposition import choose_encoder
from starlette.responses import JSONResponse

from controlplane.api.context import DoorsGiven
from controlplane.api.schemas.status import HealthAnswer, ReadinessAnswer

router = APIRouter(tags=["process"])


@router.get("/healthz")
async def healthz() -> HealthAnswer:
    """The process lives and its loop turns."""
    return HealthAnswer()


@router.get(
    "/readyz",
    response_model=ReadinessAnswer,
    responses={503: {"model": ReadinessAnswer, "description": "Not ready; `checks` says why."}},
)
async def readyz(doors: DoorsGiven) -> Response:
    """Whether this replica can take acts. PostgreSQL's state is told, but is no condition."""
    readiness = doors.queries.readiness()
    body = ReadinessAnswer.model_validate(readiness).model_dump(mode="json")
    return JSONResponse(body, status_code=200 if readiness.ready else 503)


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(request: Request) -> Response:
    """Metrics for Prometheus, as text or OpenMetrics."""
    encode, content_type = choose_encoder(request.headers.get("accept", ""))
    return Response(encode(request.app.state.metrics_registry), headers={"Content-Type": content_type})
