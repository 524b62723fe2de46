"""Owns the prefix of the interface's first version, and what every route below it has in common."""

from fastapi import APIRouter

from controlplane.api.problems import described

API_PREFIX = "/api/v1"


def versioned(tag: str, path: str = "") -> APIRouter:
    """A router below the prefix. It carries the whole prefix itself: metrics name routes by it."""
    return APIRouter(prefix=f"{API_PREFIX}{path}", tags=[tag], responses=described(401, 403, 422, 500))
