"""Compares what Consul's `log/`, the documents, the budget and the rows of PostgreSQL say of each other."""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import groupby, pairwise
from typing import Any

import psycopg

from controlplane.contract.keys import parse_log_key
from controlplane.contract.times import parse_rfc3339
from controlplane.domain.budget import EVACUATION_WINDOW_SECONDS
from tests.scenarios.consul_sight import ConsulSight
from tests.scenarios.waiting import PATIENCE_SECONDS

POLL_SECONDS = 0.2
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
REMEMBERED = timedelta(seconds=EVACUATION_WINDOW_SECONDS - 1)
"""What the budget looks back on, whatever the windows of the groups are."""

Place = tuple[str, str, int]
"""Kind, name, revision."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """Everything that was ever published, three times told."""

    sight: ConsulSight
    consul: Mapping[str, bytes]
    rows: Sequence[tuple[Place, str]]
    """Place and change id, in the order of history."""

    @property
    def logged(self) -> dict[Place, dict[str, Any]]:
        """The entries of `log/` by place, in the order of revisions."""
        found = {}
        for key, raw in sorted(self.consul.items()):
            place = parse_log_key(self.sight.keys, key)
            if place is not None:
                found[place.kind, place.name, place.revision] = json.loads(raw)
        return found

    @property
    def published(self) -> dict[Place, dict[str, Any]]:
        """Those of them that took effect."""
        return {place: entry for place, entry in self.logged.items() if "abandoned" not in entry}

    @property
    def reasons(self) -> set[str]:
        """Why, of everything that took effect."""
        return {entry["change"]["reason"] for entry in self.published.values()}

    def contradictions(self) -> list[str]:
        """What does not fit together; empty when every revision stands once, everywhere, with one meaning."""
        return [*self._rows(), *self._numbers(), *self._chains(), *self._in_force(), *self._budget()]

    def _rows(self) -> Iterator[str]:
        logged = {place: _change_id(entry) for place, entry in self.logged.items()}
        places = [place for place, _ in self.rows]
        yield from (f"{place} has {places.count(place)} rows" for place in logged if places.count(place) != 1)
        yield from (f"the row {place} is nowhere in the log" for place in places if place not in logged)
        for place, change_id in self.rows:
            if change_id != logged.get(place, change_id):
                yield f"{place} is {change_id} in history and {logged[place]} in the log"

    def _numbers(self) -> Iterator[str]:
        for document, places in groupby(self.logged, key=_document):
            revisions = [revision for _, _, revision in places]
            if revisions != [*range(1, len(revisions) + 1)]:
                yield f"the revisions of {document} are {revisions}"

    def _chains(self) -> Iterator[str]:
        """Each change says what it found, and moves found another region than they left."""
        for document, places in groupby(self.published, key=_document):
            entries = [self.published[place] for place in places]
            for former, entry in pairwise([{"after": None}, *entries]):
                after = entry["after"]
                if entry["before"] != former["after"]:
                    yield f"{document} {after['revision']} was made from something else than what was there"
                elif former["after"] and after["active"] == former["after"]["active"]:
                    yield f"{document} {after['revision']} moved to where it was"

    def _in_force(self) -> Iterator[str]:
        keys = self.sight.keys
        for (kind, name), places in groupby(self.published, key=_document):
            last = self.published[[*places][-1]]
            raw = self.consul.get(keys.document(kind, name), b"")
            told = {**last["after"], "change": last["change"]}
            if sha256(raw).hexdigest() != last["sha256"] or json.loads(raw) != told:
                yield f"{kind}/{name} is {raw!r}, its last log entry says {told}"
            if self.consul.get(keys.failover_value(name)) != last["after"]["active"].encode():
                yield f"values/ says {self.consul.get(keys.failover_value(name))!r} of {name}"

    def _budget(self) -> Iterator[str]:
        """Every automatic move of late was charged once: it rode in the same transaction."""
        moves = json.loads(self.consul[self.sight.keys.budget])["moves"]
        charged = [(move["group"], move["revision"]) for move in moves]
        published = self.published
        made = {
            place[1:]: parse_rfc3339(published[place]["change"]["at"])
            for place, _ in self.rows
            if place in published and published[place]["change"]["kind"] == "automatic"
        }
        horizon = max(made.values(), default=EPOCH) - REMEMBERED
        late = [place for place, at in made.items() if at > horizon]
        if charged[-len(late) :] != late or charged != [*made][len(made) - len(charged) :]:
            yield f"charged were {charged}, made were {[*made]}"


async def read_ledger(sight: ConsulSight, database_url: str) -> Ledger:
    """Read it when history has caught up with the log, or does not within a minute and a half."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                ledger = await _read(sight, database_url)
                if len(ledger.rows) >= len(ledger.logged):
                    return ledger
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError:
        return await _read(sight, database_url)


async def _read(sight: ConsulSight, database_url: str) -> Ledger:
    entries = await sight.entries()
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        answer = await connection.execute(
            "SELECT kind, name, revision, change_id FROM changes ORDER BY position"
        )
        rows = [((kind, name, revision), change_id) async for kind, name, revision, change_id in answer]
    return Ledger(sight, entries, rows)


def _document(place: Place) -> tuple[str, str]:
    return place[:2]


def _change_id(entry: Mapping[str, Any]) -> str:
    return str(entry["abandoned"] if "abandoned" in entry else entry["change"]["id"])
