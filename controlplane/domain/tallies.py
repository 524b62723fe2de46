"""Owns the tallies within a vantage report: as JSON, within a bound, and read back.

A report votes on health whatever its tallies are like: one that cannot be read is left out, and is missed by
nobody but the document that it is about.
"""

import json
from collections.abc import Mapping
from typing import Any

from controlplane.contract.keys import REVISION_LIMIT
from controlplane.domain.acknowledgement import TEXT_CHARACTERS_MAX, AckClass
from controlplane.domain.confirmation import STRAGGLERS_MAX, Spread, Straggler, Tally

TALLIES_BYTES_MAX = 128 * 1024
"""Of all tallies of one report: about 800 documents that everybody confirms."""


def tallies_json(tallies: Mapping[str, Tally], *, bytes_max: int = TALLIES_BYTES_MAX) -> dict[str, Any]:
    """Tallies by `failover/checkout` as a JSON-able value; what misses nobody is first left out for room."""
    kept, left_bytes = {}, min(bytes_max, TALLIES_BYTES_MAX)
    for title in sorted(tallies, key=lambda title: (_is_complete(tallies[title]), title)):
        content = _tally_json(tallies[title])
        left_bytes -= len(json.dumps({title: content}))
        if left_bytes < 0:
            break
        kept[title] = content
    return kept


def parse_tallies(value: Any) -> Mapping[str, Tally]:
    """The inverse of `tallies_json`, of what can be read."""
    items = value.items() if isinstance(value, dict) else ()
    read = {title: _readable(fields) for title, fields in items}
    return {title: one for title, one in read.items() if one is not None}


def _is_complete(one: Tally) -> bool:
    return not any(one.unconfirmed(region) for region in one.regions)


def _tally_json(one: Tally) -> dict[str, Any]:
    content: dict[str, Any] = {
        "revision": one.revision,
        "sum": one.sum,
        "regions": {region: {**counts} for region, counts in one.regions.items()},
    }
    if one.stragglers:
        content["stragglers"] = [
            [item.instance, item.ack, item.revision, item.text] for item in one.stragglers
        ]
    if one.spread:
        content["ms"] = [one.spread.p50_ms, one.spread.p95_ms, one.spread.max_ms]
    return content


def _readable(fields: Any) -> Tally | None:
    try:
        return _tally(fields)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _tally(fields: Mapping[str, Any]) -> Tally:
    return Tally(
        revision=_count(fields["revision"]),
        sum=str(fields["sum"]),
        regions={
            str(region): {AckClass(name): _count(count) for name, count in counts.items()}
            for region, counts in fields["regions"].items()
        },
        stragglers=tuple(_straggler(*item) for item in fields.get("stragglers", ())[:STRAGGLERS_MAX]),
        spread=Spread(*map(_count, fields["ms"])) if "ms" in fields else None,
    )


def _straggler(instance: Any, ack: Any, revision: Any, text: Any) -> Straggler:
    return Straggler(str(instance), AckClass(ack), _count(revision), str(text)[:TEXT_CHARACTERS_MAX])


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value < REVISION_LIMIT:
        raise ValueError(f"{value!r} is no count")
    return value
