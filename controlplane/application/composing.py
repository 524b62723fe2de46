"""Owns how failover documents are written: the next one after a move or an `apply`, and its publication."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from controlplane.application.drafting import Context, Draft, publication_of
from controlplane.application.publication import Publication
from controlplane.contract.documents import (
    Change,
    DocumentError,
    DocumentKind,
    FailoverDocument,
    FailoverState,
    canonical,
    parse_failover,
)
from controlplane.contract.keys import Keys
from controlplane.contract.log_entries import Abandoned, LogEntryError, parse_log_entry
from controlplane.domain.fleet import Group


@dataclass(frozen=True, slots=True)
class Held:
    """A failover document as it was read, with the index to publish under."""

    document: FailoverDocument | None
    """None: the group has none yet."""
    index: int


@dataclass(frozen=True, slots=True)
class Stamp:
    """What is new in every document: its number, the leadership it was made under, and the change."""

    revision: int
    term: int
    change: Change


def activated(document: FailoverDocument, target: str, stamp: Stamp) -> FailoverDocument:
    """The document after a move: `target` is active and carries all the weight."""
    return replace(
        document,
        **_stamped(stamp),
        state=FailoverState.ACTIVE,
        active=target,
        previous=document.active or document.previous,
        weights=_weights((*document.weights, target), target),
    )


def aligned(group: Group, former: FailoverDocument | None, stamp: Stamp, *, home: str) -> FailoverDocument:
    """The document as the definitions want it: the active region stays, a new group begins at its first."""
    active = group.regions[0]
    if former and former.active:
        active = former.active
    elif former and former.previous in group.regions:
        active = str(former.previous)
    return FailoverDocument(
        group=group.name,
        revision=stamp.revision,
        term=stamp.term,
        state=FailoverState.ACTIVE,
        home=home,
        active=active,
        weights=_weights((*group.regions, active), active),
        previous=former.previous if former and former.active else None,
        change=stamp.change,
        handover=group.policy.handover,
    )


def retired(document: FailoverDocument, stamp: Stamp) -> FailoverDocument:
    """The document of a group that the definitions no longer have: documents are never deleted."""
    return replace(
        document,
        **_stamped(stamp),
        state=FailoverState.RETIRED,
        active=None,
        previous=document.active or document.previous,
        weights=dict.fromkeys(document.weights, 0),
    )


def in_line(group: Group | None, document: FailoverDocument | None) -> bool:
    """Whether a document says what the definitions want of it; None: there is no such group, or document."""
    if group is None:
        return document is None or document.state is FailoverState.RETIRED
    if document is None or document.state is FailoverState.RETIRED:
        return False
    listed = {*group.regions, *([document.active] if document.active else [])}
    return document.weights.keys() == listed and document.handover is group.policy.handover


def compose(keys: Keys, held: Held, after: FailoverDocument, context: Context) -> Publication:
    """The publication that brings `after` into force instead of `held`."""
    draft = Draft(
        kind=DocumentKind.FAILOVER,
        name=after.group,
        revision=after.revision,
        term=after.term,
        change=after.change,
        document=after.to_bytes(),
        before=_content(held.document) if held.document else None,
        after=_content(after),
        scalars=((keys.failover_value(after.group), (after.active or "").encode()),),
    )
    return publication_of(draft, held.index, context)


def _content(document: FailoverDocument) -> Mapping[str, Any]:
    """What a document says, without the change that brought it."""
    fields: dict[str, Any] = json.loads(canonical(asdict(document)))
    return {name: value for name, value in fields.items() if name != "change"}


def remembered(body: bytes) -> FailoverDocument | None:
    """The document that a log entry's bytes tell of; None for an abandoned revision."""
    try:
        entry = parse_log_entry(body)
        if isinstance(entry, Abandoned):
            return None
        return parse_failover(canonical({**entry.after, "change": asdict(entry.change)}))
    except (LogEntryError, DocumentError):
        return None


def _stamped(stamp: Stamp) -> dict[str, Any]:
    return {"revision": stamp.revision, "term": stamp.term, "change": stamp.change}


def _weights(regions: Iterable[str], active: str) -> dict[str, int]:
    return {region: 100 if region == active else 0 for region in regions}
