"""Owns the writing of a failover publication: the next document, its log entry and its plain value."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from controlplane.application.publication import Guard, Publication
from controlplane.contract.documents import (
    Change,
    DocumentKind,
    FailoverDocument,
    FailoverState,
    canonical,
)
from controlplane.contract.keys import Keys
from controlplane.contract.log_entries import EXPLANATION_BYTES_MAX, LogEntry, digest


@dataclass(frozen=True, slots=True)
class Held:
    """A failover document as it was read, with the index to publish under."""

    document: FailoverDocument | None
    """None: the group has none yet."""
    index: int


@dataclass(frozen=True, slots=True)
class Context:
    """What a publication carries beside the document."""

    explanation: Mapping[str, Any]
    trace_id: str | None
    guards: tuple[Guard, ...] = ()


def activated(
    document: FailoverDocument, *, target: str, revision: int, term: int, change: Change
) -> FailoverDocument:
    """The document after a move: `target` is active and carries all the weight."""
    return replace(
        document,
        revision=revision,
        term=term,
        state=FailoverState.ACTIVE,
        active=target,
        previous=document.active or document.previous,
        weights={region: 100 if region == target else 0 for region in {*document.weights, target}},
        change=change,
    )


def compose(keys: Keys, held: Held, after: FailoverDocument, context: Context) -> Publication:
    """The publication that brings `after` into force instead of `held`."""
    document = after.to_bytes()
    entry = LogEntry(
        kind=DocumentKind.FAILOVER,
        name=after.group,
        revision=after.revision,
        term=after.term,
        change=after.change,
        before=_content(held.document) if held.document else None,
        after=_content(after),
        explanation=bounded(context.explanation),
        sha256=digest(document),
        trace_id=context.trace_id,
    )
    return Publication(
        kind=DocumentKind.FAILOVER,
        name=after.group,
        revision=after.revision,
        document=document,
        document_index=held.index,
        change_id=after.change.id,
        log_entry=entry.to_bytes(),
        scalars=((keys.failover_value(after.group), (after.active or "").encode()),),
        guards=context.guards,
    )


def bounded(explanation: Mapping[str, Any]) -> Mapping[str, Any]:
    """The explanation, or what fits of it: its parts are dropped whole, last first, and named."""
    kept = dict(explanation)
    dropped: list[str] = []
    while len(canonical(kept)) > EXPLANATION_BYTES_MAX and kept:
        name = list(kept)[-1]
        del kept[name]
        dropped.append(name)
    return {**kept, "left_out": dropped} if dropped else kept


def _content(document: FailoverDocument) -> Mapping[str, Any]:
    """What a document says, without the change that brought it."""
    fields: dict[str, Any] = json.loads(canonical(asdict(document)))
    return {name: value for name, value in fields.items() if name != "change"}
