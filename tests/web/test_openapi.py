"""The description of the interface describes the interface."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

METHODS = {"get", "post", "put", "patch", "delete"}
Document = dict[str, Any]


@pytest.fixture
async def document(viewer: httpx.AsyncClient) -> Document:
    body: Document = (await viewer.get("/api/v1/openapi.json")).json()
    return body


def operations(document: Document) -> Iterator[tuple[str, Document]]:
    for path, item in document["paths"].items():
        yield from ((path, operation) for method, operation in item.items() if method in METHODS)


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (target for key, target in value.items() if key == "$ref")
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from references(item)


async def test_it_is_openapi_3_1_at_the_public_address(document: Document):
    """Version, title and server are stated."""
    assert document["openapi"].startswith("3.1.")
    assert document["info"]["title"] == "controlplane"
    assert document["servers"] == [{"url": "http://controlplane.test"}]


async def test_every_reference_leads_somewhere(document: Document):
    """No schema is referred to that is not there."""
    targets = set(references(document))

    assert "#/components/schemas/Problem" in targets
    assert {target.rpartition("/")[2] for target in targets} <= document["components"]["schemas"].keys()


async def test_operation_ids_are_unique_and_summaries_are_there(document: Document):
    """A generated client has one well-described function per operation."""
    identifiers = [operation["operationId"] for _, operation in operations(document)]

    assert len(identifiers) == len(set(identifiers))
    assert all(operation["description"] for _, operation in operations(document))


async def test_every_protected_operation_says_so_and_names_its_problems(document: Document):
    """Below `/api` there is a security requirement, and 401 and 403 are problems."""
    for path, operation in operations(document):
        protected = path.startswith("/api/")
        assert bool(operation.get("security")) is protected, path
        for status in ("401", "403", "500") if protected else ():
            assert "application/problem+json" in operation["responses"][status]["content"], path


async def test_every_field_of_every_answer_is_described(document: Document):
    """No program has to guess what a field means."""
    silent = [
        f"{name}.{field}"
        for name, schema in document["components"]["schemas"].items()
        for field, properties in schema.get("properties", {}).items()
        if "description" not in properties
    ]

    assert silent == []


async def test_nothing_is_loaded_from_elsewhere(viewer: httpx.AsyncClient):
    """There is no page of documentation that runs somebody else's script."""
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert (await viewer.get(path)).status_code == 404
