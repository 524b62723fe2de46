"""Owns what is known to have been published of a group: the log knows it first, history keeps it longer."""

from dataclasses import dataclass

from controlplane.application.composing import remembered
from controlplane.application.numbering import Numbering
from controlplane.application.ports import Journal, Store
from controlplane.contract.documents import DocumentKind, FailoverDocument
from controlplane.contract.keys import Keys

HISTORY_ROWS_MAX = 20
"""How far back the last published row is looked for, behind abandoned ones."""


@dataclass(slots=True)
class Recollection:
    """Finds the last document that was published of a group."""

    store: Store
    journal: Journal
    keys: Keys
    numbering: Numbering

    async def last(self, group: str) -> FailoverDocument | None:
        """The last one of the log or of history; None where the group never had any.

        Raises:
            StoreUnavailable: the log cannot be read.
            DatabaseUnavailable: PostgreSQL does not answer.
        """
        kind = DocumentKind.FAILOVER
        self.numbering.see_used(kind, group, await self.journal.highest_revision(kind, group))
        log = await self.store.list(self.keys.document_log(kind, group), consistent=True)
        rows = await self.journal.page(kind=kind, name=group, before=None, limit=HISTORY_ROWS_MAX)
        bodies = [*(entry.value for entry in log.entries), *(row.body for row in rows)]
        documents = [document for document in map(remembered, bodies) if document]
        return max(documents, key=lambda document: document.revision, default=None)
