"""Owns how definitions lie in tables: a fleet as rows, and rows as a fleet."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Table

from controlplane.adapters.postgres.tables import (
    checks,
    groups,
    instances,
    playbooks,
    regions,
    services,
    switches,
    vantages,
)
from controlplane.application.fleet_adoption import without_adopted
from controlplane.application.fleet_file import API_VERSION, fleet_from_mapping, fleet_to_mapping
from controlplane.domain.fleet import Fleet

Row = Mapping[str, Any]

DEFINITION_TABLES: tuple[Table, ...] = (
    regions,
    vantages,
    services,
    checks,
    instances,
    switches,
    groups,
    playbooks,
)
"""In the order in which rows may be inserted: what is referred to comes first."""

_PARTS_OF_A_SERVICE = (checks, instances, switches)


def fleet_to_rows(fleet: Fleet) -> dict[Table, list[dict[str, Any]]]:
    """What the file declares, as rows in the file's order; adopted instances are left out."""
    mapping = fleet_to_mapping(without_adopted(fleet))
    return {
        table: [{"position": position, **row} for position, row in enumerate(_rows(table, mapping))]
        for table in DEFINITION_TABLES
    }


def rows_to_fleet(rows: Mapping[Table, Sequence[Row]]) -> Fleet:
    """The fleet that the rows hold, each table in the order of its positions.

    Raises:
        FleetFileError: they do not fit together, or were written by a newer version of the program.
    """
    parts = {table: _by_service(rows[table]) for table in _PARTS_OF_A_SERVICE}
    return fleet_from_mapping(
        {
            "apiVersion": API_VERSION,
            "regions": [{"name": row["name"]} for row in rows[regions]],
            "vantages": [{"name": row["name"], "region": row["region"]} for row in rows[vantages]],
            "services": [
                row["definition"] | {table.name: parts[table].get(row["name"], []) for table in parts}
                for row in rows[services]
            ],
            "groups": [row["definition"] for row in rows[groups]],
            "playbooks": [row["definition"] for row in rows[playbooks]],
        }
    )


def _rows(table: Table, mapping: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    if table in _PARTS_OF_A_SERVICE:
        return (
            {"service": service["name"], **_row(table, item)}
            for service in mapping.get("services", [])
            for item in service.get(table.name, [])
        )
    return (_row(table, item) for item in mapping.get(table.name, []))


def _row(table: Table, item: dict[str, Any]) -> dict[str, Any]:
    if "definition" not in table.columns:
        return item
    parts = {part.name for part in _PARTS_OF_A_SERVICE} if table is services else set()
    return {"name": item["name"], "definition": {key: item[key] for key in item if key not in parts}}


def _by_service(rows: Sequence[Row]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["service"], []).append(
            row["definition"] if "definition" in row else _instance(row)
        )
    return found


def _instance(row: Row) -> dict[str, Any]:
    return {key: row[key] for key in ("id", "region", "address", "port")}
