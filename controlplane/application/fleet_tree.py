"""Owns the located tree of a fleet file: what stands on which line, and the list of what is wrong with it.

A reader takes the `Node` of one value and answers a value of the domain or raises a `Mistake`. `Fields` walks
a mapping with such readers: a mistake goes to the list, a default takes its place and reading goes on, so
that a person sees all mistakes of a file at once.
"""

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from controlplane.application.fleet_limits import DEPTH_MAX, PROBLEMS_MAX

SHOWN_CHARACTERS_MAX = 60
_SHOWN_NAMES_MAX = 15
_COMPARED_NAMES_MAX = 2_000

T = TypeVar("T")
Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Node:
    """A value and the line on which it begins; no line where it did not come from a file."""

    value: "Scalar | tuple[Node, ...] | Mapping[str, Node]"
    line: int | None = None
    written: str | None = None
    """A plain scalar as it was written, where YAML makes something else of it than a text."""


Reader = Callable[[Node], T]


class Mistake(Exception):
    """One value is wrong: what is wrong with it, and what is allowed."""

    def __init__(self, wrong: str, allowed: str) -> None:
        super().__init__(wrong, allowed)
        self.wrong = wrong
        self.allowed = allowed


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake and where it stands; `line` is None where there is no file."""

    line: int | None
    path: str
    wrong: str
    allowed: str

    def __str__(self) -> str:
        places = [f"line {self.line}"] * (self.line is not None) + [self.path] * bool(self.path)
        return ": ".join([*places, f"{self.wrong}; allowed: {self.allowed}"])


class FleetFileError(ValueError):
    """The definitions are not accepted, nothing has changed; `problems` says why, in the order of lines."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line or 0))
        stopped = [f"reading stopped after {PROBLEMS_MAX} mistakes"] * (len(problems) >= PROBLEMS_MAX)
        super().__init__("\n".join([*map(str, self.problems), *stopped]))


@dataclass(slots=True)
class Problems:
    """What was found wrong so far."""

    found: list[Problem] = field(default_factory=list)

    def add(self, problem: Problem) -> None:
        """One more.

        Raises:
            FleetFileError: these are enough for one reading.
        """
        self.found.append(problem)
        if len(self.found) >= PROBLEMS_MAX:
            raise FleetFileError(self.found)

    def raise_if_any(self) -> None:
        """End the reading.

        Raises:
            FleetFileError: something was wrong.
        """
        if self.found:
            raise FleetFileError(self.found)


@dataclass(frozen=True, slots=True)
class Place:
    """A node, the path by which it was reached, and the list that its mistakes go to."""

    node: Node
    path: str
    problems: Problems

    def refuse(self, wrong: str, allowed: str) -> None:
        """Note a mistake here."""
        self.problems.add(Problem(self.node.line, self.path, wrong, allowed))

    def read(self, reader: Reader[T], default: T) -> T:
        """What the reader makes of this value; the default where it refuses."""
        try:
            return reader(self.node)
        except Mistake as mistake:
            self.refuse(mistake.wrong, mistake.allowed)
            return default

    def items(self, *, most: int) -> list["Place"]:
        """The items of a sequence; an empty value is an empty sequence."""
        value = self.node.value
        if value is None:
            return []
        if not isinstance(value, tuple):
            self.refuse(f"a list is wanted, this is {described(self.node)}", "a list")
            return []
        if len(value) > most:
            self.refuse(f"{len(value):,} entries", f"at most {most:,}")
        return [Place(item, f"{self.path}[{i}]", self.problems) for i, item in enumerate(value[:most])]


class Fields:
    """The entries of one mapping. What is no mapping reads as an empty one, after one mistake."""

    def __init__(
        self, place: Place, *, known: Sequence[str], required: Iterable[str] = (), later: Iterable[str] = ()
    ) -> None:
        self.place = place
        self._known = known
        self._later = frozenset(later)
        value = place.node.value
        self._nodes: Mapping[str, Node] = value if isinstance(value, Mapping) else {}
        if not isinstance(value, Mapping):
            place.refuse(
                f"a mapping is wanted, this is {described(place.node)}", f"the keys {', '.join(known)}"
            )
            return
        for key in self._nodes:
            if key not in known:
                self._refuse_key(key)
        for key in required:
            if key not in self._nodes:
                place.refuse(f"`{key}` is missing", f"the keys {', '.join(known)}")

    def __contains__(self, key: str) -> bool:
        return key in self._nodes

    def at(self, key: str) -> Place:
        """The place of an entry; for one that is absent, an empty value at the place of the mapping."""
        path = f"{self.place.path}.{key}" if self.place.path else key
        return Place(self._nodes.get(key, Node(None, self.place.node.line)), path, self.place.problems)

    def read(self, key: str, reader: Reader[T], default: T) -> T:
        """The value of an entry; the default where it is absent or refused."""
        return self.at(key).read(reader, default) if key in self._nodes else default

    def each(self, key: str, reader: Callable[[Place], T], *, most: int) -> tuple[T, ...]:
        """What the reader makes of each item of a sequence; empty where it is absent."""
        return tuple(reader(item) for item in self.at(key).items(most=most))

    def _refuse_key(self, key: str) -> None:
        place = self.at(key)
        if key in self._later:
            place.refuse(f"`{key}` is not offered by this version", f"the keys {', '.join(self._known)}")
        else:
            place.refuse(f"unknown key {shown(key)}", f"the keys {choices(key, self._known)}")


def locate(value: Any, depth: int = 0) -> Node:
    """A tree without lines, from plain JSON-able values.

    Raises:
        FleetFileError: nested too deeply, or of a type that JSON does not have.
    """
    if depth > DEPTH_MAX:
        raise FleetFileError([Problem(None, "", "nested too deeply", f"at most {DEPTH_MAX} levels")])
    if isinstance(value, Mapping):
        return Node({str(key): locate(item, depth + 1) for key, item in value.items()})
    if isinstance(value, list | tuple):
        return Node(tuple(locate(item, depth + 1) for item in value))
    if value is None or isinstance(value, str | int | float | bool):
        return Node(value)
    raise FleetFileError([Problem(None, "", f"a {type(value).__name__} in the definitions", "what JSON has")])


def described(node: Node) -> str:
    """A value in words for a message."""
    if node.value is None:
        return "empty"
    if isinstance(node.value, Mapping):
        return "a mapping"
    if isinstance(node.value, tuple):
        return "a list"
    if isinstance(node.value, str):
        return f"the text {shown(node.value)}"
    kind = "true or false" if isinstance(node.value, bool) else "a number"
    return f"{shown(node.written or str(node.value))}, which unquoted is {kind}"


def shown(text: str) -> str:
    """A text in quotes, cut to what fits a line, control characters escaped."""
    cut = text if len(text) <= SHOWN_CHARACTERS_MAX else text[: SHOWN_CHARACTERS_MAX - 1] + "…"
    return '"' + "".join(c if c.isprintable() else ascii(c)[1:-1] for c in cut) + '"'


def choices(wanted: str, names: Iterable[str]) -> str:
    """A list of names for a message, with the one that was probably meant."""
    listed = list(names)
    more = [f"and {len(listed) - _SHOWN_NAMES_MAX} more"] * (len(listed) > _SHOWN_NAMES_MAX)
    text = ", ".join([*listed[:_SHOWN_NAMES_MAX], *more]) or "none is declared"
    meant = difflib.get_close_matches(wanted[:SHOWN_CHARACTERS_MAX], listed[:_COMPARED_NAMES_MAX], n=1)
    return f"{text} (did you mean {meant[0]}?)" if meant and len(listed) > 1 else text
