"""Owns what every bench shares: its rows, the table for people, the JSON for programs."""

import argparse
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

_HEADINGS = ("case", "value", "unit", "peer", "ratio", "runs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure."""

    bench: str
    case: str
    value: float | None
    """None: it could not be measured here; `case` says why."""
    unit: str
    peer: str | None = None
    """The program, or the way of doing it, that was measured beside this in the same run."""
    ratio: float | None = None
    """`value` divided by the peer's."""
    runs: int


def quantile(samples: Sequence[float], share: float) -> float:
    """The sample that `share` of all samples do not exceed (nearest rank)."""
    return sorted(samples)[max(0, math.ceil(share * len(samples)) - 1)]


def options(about: str) -> Path | None:
    """Read the command line; answers the file of `--json FILE`."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write one JSON object per row")
    chosen: Path | None = parser.parse_args().json
    return chosen


def present(rows: Sequence[Row], json_file: Path | None) -> None:
    """Print the table, and write the rows, one JSON object per line, where a file is named."""
    cells = [_HEADINGS, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(_HEADINGS))]
    for line in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    if json_file:
        json_file.write_text("".join(json.dumps(asdict(row)) + "\n" for row in rows))


def _cells(row: Row) -> tuple[str, ...]:
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    value = "" if row.value is None else f"{row.value:.4g}"
    return (row.case, value, row.unit, row.peer or "", ratio, str(row.runs))
