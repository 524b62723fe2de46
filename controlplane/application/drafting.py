"""Owns how a document of any kind becomes a publication: its log entry, its plain values, its guards."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from controlplane.application.publication import Guard, Publication
from controlplane.contract.documents import Change, DocumentKind, canonical
from controlplane.contract.log_entries import EXPLANATION_BYTES_MAX, LogEntry, digest
from controlplane.contract.switches import SwitchChange

CONTENTS_BYTES_MAX = 160 * 1024
"""Of a log entry's contents before and after together: with the document they fit one request to Consul."""

Content = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Context:
    """What a publication carries beside the document."""

    explanation: Mapping[str, Any]
    trace_id: str | None
    guards: tuple[Guard, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A document that is to be published, and what of it stands in the log."""

    kind: DocumentKind
    name: str
    revision: int
    term: int
    change: Change | SwitchChange
    document: bytes
    before: Content | None
    """None: there was no document."""
    after: Content
    scalars: tuple[tuple[str, bytes], ...]
    """Keys and plain values that change with it."""


def publication_of(draft: Draft, index: int, context: Context) -> Publication:
    """The publication that brings a draft into force over the document that stands at `index`; 0: none."""
    before, left_out = _fitting(draft)
    entry = LogEntry(
        kind=draft.kind,
        name=draft.name,
        revision=draft.revision,
        term=draft.term,
        change=draft.change,
        before=before,
        after=draft.after,
        explanation=bounded({**context.explanation, **left_out}),
        sha256=digest(draft.document),
        trace_id=context.trace_id,
    )
    return Publication(
        kind=draft.kind,
        name=draft.name,
        revision=draft.revision,
        document=draft.document,
        document_index=index,
        change_id=draft.change.id,
        log_entry=entry.to_bytes(),
        scalars=draft.scalars,
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


def _fitting(draft: Draft) -> tuple[Content | None, Mapping[str, Any]]:
    """The content before, and nothing to say; or none of it, and that it is left out."""
    if draft.before and len(canonical(draft.before)) + len(canonical(draft.after)) > CONTENTS_BYTES_MAX:
        return {}, {"before_left_out": True}
    return draft.before, {}
