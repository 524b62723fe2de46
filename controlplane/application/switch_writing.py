"""Owns the publication of a switch document: its number, its size, its log entry, its plain values."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from controlplane.application.drafting import Context, Draft, publication_of
from controlplane.application.numbering import Numbering
from controlplane.application.ports import CheckIndex, Clock, Get, Operation, Put, Store, StoreError
from controlplane.application.publisher import Publisher
from controlplane.application.results import Done, Refused, Result
from controlplane.application.switch_reading import SWITCHES, Reading
from controlplane.application.switch_sight import SwitchSight
from controlplane.application.switch_values import Scalars, pieces, plain_values, riding
from controlplane.contract.documents import DOCUMENT_BYTES_MAX, canonical
from controlplane.contract.keys import Keys
from controlplane.contract.switches import SwitchChange, SwitchDocument, switch_mapping
from controlplane.domain.switch_alignment import without_overdue
from controlplane.domain.switches import Switches, changed_names

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Writing:
    """A switch document on its way: over what it is written, and what it shall say."""

    reading: Reading
    before: Switches | None
    """What the log compares it with; None: there was no document."""
    after: Switches
    change: SwitchChange
    context: Context


@dataclass(slots=True)
class SwitchWriter:
    """Publishes switch documents. `term` answers the number of the current leadership."""

    store: Store
    keys: Keys
    clock: Clock
    publisher: Publisher
    numbering: Numbering
    sight: SwitchSight
    term: Callable[[], int]

    async def publish(self, writing: Writing, *, identity: str, asked_at: float | None = None) -> Result:
        """Bring a document into force, and log what became of it.

        Raises:
            RevisionError: it has used up its numbers.
        """
        document = self._document(writing)
        raw = document.to_bytes()
        if len(raw) > DOCUMENT_BYTES_MAX:
            return _too_large(document, len(raw))
        riders, rest = riding(self._values(writing.reading, document))
        changed = changed_names(writing.before or {}, document.switches)
        draft = Draft(
            kind=SWITCHES,
            name=document.service,
            revision=document.revision,
            term=self.term(),
            change=document.change,
            document=raw,
            before=None if writing.before is None else _content(writing.before, changed),
            after=_content(document.switches, changed),
            scalars=riders,
        )
        publication = publication_of(draft, writing.reading.index, writing.context)
        result = await self.publisher.publish(publication, identity=identity, asked_at=asked_at)
        _tell(writing, document, changed, result)
        if isinstance(result, Done):
            self.sight.note(document, result.index or 0, changed)
            await self._write_rest(document.service, rest, result.index or 0, identity)
        return result

    def _document(self, writing: Writing) -> SwitchDocument:
        reading = writing.reading
        return SwitchDocument(
            service=reading.service,
            revision=self.numbering.above(SWITCHES, reading.service, reading.revisions),
            switches=without_overdue(writing.after, self.clock.now()),
            change=writing.change,
        )

    def _values(self, reading: Reading, document: SwitchDocument) -> dict[str, bytes]:
        """The plain values of what changed; of everything, where what stands there is not to be trusted."""
        former = reading.document.switches if reading.document else {}
        changed = {
            self.keys.switch_value(document.service, name)
            for name in changed_names(former, document.switches)
        }
        values = plain_values(self.keys, document, self.clock.now())
        return {key: value for key, value in values.items() if key in changed}

    async def _write_rest(self, service: str, rest: Scalars, index: int, identity: str) -> None:
        """The values that did not fit; what fails here, the leader's comparison puts right."""
        checks: list[Operation] = [
            Get(self.keys.store(identity)),
            CheckIndex(self.keys.document(SWITCHES, service), index),
        ]
        try:
            for piece in pieces(rest):
                await self.store.transact([*checks, *(Put(key, value) for key, value in piece)])
        except StoreError as error:
            logger.warning("plain values follow later", extra={"service": service, "error": str(error)})


def _content(switches: Switches, names: list[str]) -> dict[str, object]:
    return {name: switch_mapping(switches[name]) for name in names if name in switches}


def _too_large(document: SwitchDocument, size: int) -> Refused:
    sizes = {name: len(canonical(switch_mapping(switch))) for name, switch in document.switches.items()}
    largest = max(sizes, key=lambda name: sizes[name])
    return Refused(
        "document_too_large",
        f"the switches of {document.service} would take {size} bytes, at most {DOCUMENT_BYTES_MAX} are "
        f"allowed; the largest is {largest} with {sizes[largest]}",
    )


def _tell(writing: Writing, document: SwitchDocument, changed: list[str], result: Result) -> None:
    told = {
        "service": document.service,
        "switches": changed,
        "revision": document.revision,
        "change_kind": document.change.kind,
        "by": document.change.by,
        "reason": document.change.reason,
        "trace_id": writing.context.trace_id,
        "result": type(result).__name__.lower(),
        "text": result.text,
    }
    logger.log(logging.INFO if isinstance(result, Done) else logging.WARNING, "publication", extra=told)
