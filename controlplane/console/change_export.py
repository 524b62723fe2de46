"""Owns the export of history: exactly what was searched for, as CSV or NDJSON, or nothing."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict

from controlplane.application.history_stories import Search, Stories, StoryCursor
from controlplane.application.history_views import EntryView
from controlplane.console.refusals import PageRefused
from controlplane.console.texts import gettext as _

EXPORT_ROWS_MAX = 5_000
ROWS_PER_LOOK = 500
COLUMNS = (
    *("at", "entry", "kind", "name", "what", "revision", "by", "reason"),
    *("code", "state", "change_id", "trace_id"),
)

_FORMULA_BEGINNINGS = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet would take for a formula and run."""


async def all_found(stories: Stories, search: Search) -> Sequence[EntryView]:
    """Everything that is searched for, the newest first.

    Raises:
        PageRefused: it is more than `EXPORT_ROWS_MAX` rows; a part of it is not given for the whole.
        DatabaseUnavailable: PostgreSQL does not answer.
    """
    found: list[EntryView] = []
    cursor: StoryCursor | None = StoryCursor()
    while cursor:
        page = await stories.find(search, cursor=cursor, limit=ROWS_PER_LOOK)
        found += page.entries
        if len(found) > EXPORT_ROWS_MAX:
            text = _("An export has at most %d rows. Choose a shorter time, or narrow it in another way.")
            raise PageRefused(413, _("Too much for one file"), text % EXPORT_ROWS_MAX)
        cursor = StoryCursor.read(page.next_cursor) if page.next_cursor else None
    return found


def as_csv(entries: Iterable[EntryView]) -> Iterator[str]:
    """Lines of CSV with a header; no cell of them is a formula."""
    yield _line(COLUMNS)
    for entry in entries:
        row = _row(entry)
        yield _line([_harmless(str(row.get(column) or "")) for column in COLUMNS])


def as_ndjson(entries: Iterable[EntryView]) -> Iterator[str]:
    """One JSON object per line, with everything that is known of an entry."""
    for entry in entries:
        told = entry.change or entry.evaluation
        fields = {"entry": _kind(entry), **(asdict(told) if told else {})}
        yield json.dumps(fields, ensure_ascii=False, default=str) + "\n"


def _row(entry: EntryView) -> dict[str, object]:
    if entry.change:
        return asdict(entry.change) | {"entry": _kind(entry), "what": entry.change.change_kind}
    if entry.evaluation:
        evaluation = entry.evaluation
        by = evaluation.inputs.get("by")
        return asdict(evaluation) | {"entry": _kind(entry), "what": evaluation.outcome, "by": by}
    return {}


def _kind(entry: EntryView) -> str:
    return "change" if entry.change else "evaluation"


def _line(cells: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA_BEGINNINGS) else text
