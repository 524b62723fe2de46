"""Owns what Consul's KV does with a transaction, as measured on 1.8.7: a state machine without time.

One transaction is one step of the index, rejected ones included; its operations see each other's writes, in
order; all its refusals are named. Equal bytes leave a key, and its index, as they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from controlplane.application.ports import (
    CheckAbsent,
    CheckIndex,
    Committed,
    CompareAndSet,
    DeleteCompare,
    Entry,
    Failure,
    Get,
    Listing,
    Operation,
    Put,
    Rejected,
)

WRITES = (Put, CompareAndSet, DeleteCompare)


@dataclass(slots=True)
class KeyValues:
    """Keys with their indexes, and the indexes at which deleted ones went."""

    index: int = 1
    entries: dict[str, Entry] = field(default_factory=dict)
    tombstones: dict[str, int] = field(default_factory=dict)

    def copy(self) -> "KeyValues":
        return KeyValues(self.index, dict(self.entries), dict(self.tombstones))

    def apply(self, operations: Sequence[Operation]) -> Committed | Rejected:
        """Apply all operations or none."""
        if any(isinstance(operation, WRITES) for operation in operations):
            self.index += 1
        draft = self.copy()
        refusals = [(position, draft.step(operation)) for position, operation in enumerate(operations)]
        failures = tuple(Failure(position, text) for position, text in refusals if text)
        if failures:
            return Rejected(failures)
        self.entries, self.tombstones = draft.entries, draft.tombstones
        written = {operation.key for operation in operations if isinstance(operation, Put | CompareAndSet)}
        indexes = (entry.modify_index for key, entry in self.entries.items() if key in written)
        return Committed(max(indexes, default=0))

    def step(self, operation: Operation) -> str | None:
        """Take one operation; answers Consul's words where it refuses."""
        key, found = operation.key, self.entries.get(operation.key)
        match operation:
            case Get():
                return None if found else f'key "{key}" doesn\'t exist'
            case CheckAbsent():
                return f'key "{key}" exists' if found else None
            case CheckIndex(index=index):
                return _index_refusal(key, found, index)
            case CompareAndSet(index=index) if index != (found.modify_index if found else 0):
                return f'failed to set key "{key}", index is stale'
            case Put(value=value) | CompareAndSet(value=value):
                self._set(key, value, found)
                return None
            case DeleteCompare(index=index):
                return self._delete(key, found, index)

    def listing(self, prefix: str) -> Listing:
        """All keys below a prefix, sorted; where none is and none was, the index is the whole store's."""
        entries = tuple(self.entries[key] for key in sorted(self.entries) if key.startswith(prefix))
        deleted = (index for key, index in self.tombstones.items() if key.startswith(prefix))
        index = max((*(entry.modify_index for entry in entries), *deleted), default=self._last_change())
        return Listing(index, entries)

    def restored(self, snapshot: "KeyValues") -> "KeyValues":
        """The keys of the snapshot; the index goes on upwards, as it does in the same cluster."""
        return replace(snapshot.copy(), index=max(self.index, snapshot.index) + 1)

    def _set(self, key: str, value: bytes, found: Entry | None) -> None:
        if found and found.value == value:
            return
        created = found.create_index if found else self.index
        self.entries[key] = Entry(key, value, create_index=created, modify_index=self.index)

    def _delete(self, key: str, found: Entry | None, index: int) -> str | None:
        if found and found.modify_index != index:
            return f'failed to delete key "{key}", index is stale'
        if found:
            del self.entries[key]
            self.tombstones[key] = self.index
        return None

    def _last_change(self) -> int:
        changes = (entry.modify_index for entry in self.entries.values())
        return max((*changes, *self.tombstones.values()), default=1)


def _index_refusal(key: str, found: Entry | None, index: int) -> str | None:
    if found is None:
        return f'failed to check index, key "{key}" doesn\'t exist'
    if found.modify_index != index:
        return f'failed index check for key "{key}", current modify index {found.modify_index} != {index}'
    return None
