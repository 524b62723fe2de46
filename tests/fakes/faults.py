"""Owns what may go wrong between a client and a store: absence, freezing, lost answers, late commits."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from controlplane.application.ports import Committed, Operation, Rejected, StoreError

Transaction = tuple[Operation, ...]


@dataclass(slots=True, eq=False)
class Request:
    """One request under way. `failure` is what its client is told when the line is cut."""

    failure: type[StoreError]
    future: asyncio.Future[Any]
    cut: bool = False

    def answer(self, value: Any) -> None:
        if not self.future.done():
            self.future.set_result(value)

    def fail(self, text: str) -> None:
        self.cut = True
        if not self.future.done():
            self.future.set_exception(self.failure(text))


@dataclass(slots=True)
class Spell:
    """A fault that befalls the next writes below a prefix."""

    writes: int = 0
    below: str = ""

    def takes(self, operations: Transaction) -> bool:
        if not self.writes or not any(operation.key.startswith(self.below) for operation in operations):
            return False
        self.writes -= 1
        return True


@dataclass(slots=True, eq=False)
class Faults:
    """What may go wrong on the way to the store and back."""

    latency_seconds: float = 0.0
    """Of one request and its answer together."""
    away: bool = False
    frozen: bool = False
    inflight: set[Request] = field(default_factory=set)
    _lost: Spell = field(default_factory=Spell)
    _late: Spell = field(default_factory=Spell)
    _held: list[Callable[[], Committed | Rejected]] = field(default_factory=list)
    _backlog: list[Callable[[], None]] = field(default_factory=list)

    def go_away(self) -> None:
        """Cut what is under way and send nothing any more, until `come_back()`."""
        self.away = True
        self._backlog.clear()
        for request in tuple(self.inflight):
            request.fail("the connection was closed")

    def come_back(self) -> None:
        """Be there again, with the same data."""
        self.away = False

    def freeze(self) -> None:
        """Accept requests and do nothing, as a stopped process does, until `thaw()`."""
        self.frozen = True

    def thaw(self) -> None:
        """Take up everything that arrived meanwhile, in order, whether somebody still waits for it or not."""
        self.frozen = False
        backlog, self._backlog = self._backlog, []
        for proceed in backlog:
            proceed()

    def lose_answers(self, writes: int = 1, *, below: str = "") -> None:
        """Apply the next writes that touch a key below a prefix, and answer OutcomeUnknown."""
        self._lost = Spell(writes, below)

    def late_commit(self, writes: int = 1, *, below: str = "") -> None:
        """Hold the next writes that touch a key below a prefix, and answer OutcomeUnknown."""
        self._late = Spell(writes, below)

    def release(self) -> tuple[Committed | Rejected, ...]:
        """Evaluate what `late_commit` holds, in order, by the state of now; answers what became of it."""
        held, self._held = self._held, []
        return tuple(evaluate() for evaluate in held)

    def when_thawed(self, proceed: Callable[[], None]) -> None:
        """Go on at once, or after `thaw()`."""
        if self.frozen:
            self._backlog.append(proceed)
        else:
            proceed()

    def holds(self, operations: Transaction, evaluate: Callable[[], Committed | Rejected]) -> bool:
        """Whether this transaction is one for `release()`."""
        if not self._late.takes(operations):
            return False
        self._held.append(evaluate)
        return True

    def loses(self, operations: Transaction) -> bool:
        """Whether the answer to this transaction is lost."""
        return self._lost.takes(operations)
