"""Owns YAML: fleet files as text on one side, located trees and canonical mappings on the other.

Only what a fleet file needs is understood: one document of mappings, lists and scalars. Scalars mean what
YAML 1.2 says, except that an unquoted yes, no, on or off is a truth value, as most programs still read it: a
region `no` is then a mistake with a line, not a name here and `false` elsewhere. Anchors are followed within
bounds; tags are refused.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    Event,
    MappingStartEvent,
    ScalarEvent,
    StreamEndEvent,
)
from yaml.representer import SafeRepresenter

from controlplane.application.fleet_adoption import without_adopted
from controlplane.application.fleet_file import API_VERSION, fleet_from_tree, fleet_to_mapping
from controlplane.application.fleet_limits import DEPTH_MAX
from controlplane.application.fleet_tree import (
    FleetFileError,
    Node,
    Problem,
    Problems,
    Scalar,
    described,
    shown,
)
from controlplane.domain.fleet import Fleet

FILE_BYTES_MAX = 4 * 1024 * 1024
NODES_MAX = 500_000
"""Values after following anchors: four times what 20,000 instances need."""
_LINE_WIDTH = 1_000_000
"""Lines are not folded: one item stays on one line."""

_WORDS: Mapping[str, bool | float | None] = {
    spelling: value
    for word, value in {
        "": None,
        "~": None,
        "null": None,
        "true": True,
        "yes": True,
        "on": True,
        "false": False,
        "no": False,
        "off": False,
        ".inf": float("inf"),
        "+.inf": float("inf"),
        "-.inf": float("-inf"),
        ".nan": float("nan"),
    }.items()
    for spelling in (word, word.capitalize(), word.upper())
}
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,29})\Z")
_FLOAT = re.compile(r"[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,4})?\Z")
_REPRESENTER = SafeRepresenter()
_NOT_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


class FleetYaml:
    """YAML behind the port `FleetFormat`."""

    def read(self, text: str | bytes) -> Fleet:
        """The fleet that a file declares.

        Raises:
            FleetFileError: each mistake with its line, its path, what is wrong and what is allowed.
        """
        problems = Problems()
        root = _Composer(_events(_decoded(text)), problems).document()
        return fleet_from_tree(root, adopted=False, problems=problems)

    def write(self, fleet: Fleet) -> str:
        """The canonical file of a fleet, without adopted instances: equal fleets give equal texts."""
        node = _yaml_node(fleet_to_mapping(without_adopted(fleet)))
        text: str = yaml.serialize(node, Dumper=yaml.CSafeDumper, allow_unicode=True, width=_LINE_WIDTH)
        return text


def _decoded(text: str | bytes) -> str:
    """The file as text, of which YAML can say on which line it is wrong."""
    size = len(text if isinstance(text, bytes) else text.encode(errors="replace"))
    if size > FILE_BYTES_MAX:
        raise _fatal(1, f"a file of {size:,} bytes", f"at most {FILE_BYTES_MAX:,}")
    decoded = (_from_utf8(text) if isinstance(text, bytes) else text).removeprefix("\ufeff")
    if found := _NOT_TEXT.search(decoded):
        line = decoded.count("\n", 0, found.start()) + 1
        raise _fatal(line, f"the character U+{ord(found[0]):04X} is not text", "printable text in UTF-8")
    return decoded


def _from_utf8(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise _fatal(line, f"the byte {raw[error.start]:#04x} is not UTF-8", "text in UTF-8") from error


def _events(text: str) -> Iterator[Event]:
    try:
        yield from yaml.parse(text, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        wrong = ", ".join(part for part in (error.context, error.problem) if part)
        raise _fatal(line, f"not YAML: {wrong}", _syntax_hint(text, line)) from error


def _syntax_hint(text: str, line: int) -> str:
    lines = text.splitlines()
    stands = lines[line - 1] if line <= len(lines) else ""
    indented_by_tab = "\t" in stands[: len(stands) - len(stands.lstrip())]
    return "spaces for indentation, no tab" if indented_by_tab else "one YAML document"


@dataclass(frozen=True, slots=True)
class _Anchored:
    node: Node
    values: int
    levels: int


class _Composer:
    """Builds the located tree from events, never deeper nor larger than allowed, anchors included."""

    def __init__(self, events: Iterator[Event], problems: Problems) -> None:
        self._events = events
        self._problems = problems
        self._anchors: dict[str, _Anchored] = {}
        self._values = 0
        self._deepest = 0

    def document(self) -> Node:
        """The one document of the file."""
        next(self._events)  # the stream begins
        if isinstance(next(self._events), StreamEndEvent):
            raise _fatal(1, "the file is empty", f"a mapping that begins with `apiVersion: {API_VERSION}`")
        root = self._node(next(self._events), "", 0)
        next(self._events)  # the document ends
        after = next(self._events)
        if not isinstance(after, StreamEndEvent):
            raise _fatal(_line(after), "a second document begins", "one document per file")
        return root

    def _node(self, event: Event, path: str, depth: int) -> Node:
        if isinstance(event, AliasEvent):
            return self._alias(event, depth)
        self._admit(_line(event), values=1, depth=depth)
        anchor = getattr(event, "anchor", None)
        if anchor is None:
            return self._content(event, path, depth)
        values, outside, self._deepest = self._values, self._deepest, depth
        node = self._content(event, path, depth)
        self._anchors[anchor] = _Anchored(node, self._values - values + 1, self._deepest - depth)
        self._deepest = max(outside, self._deepest)
        return node

    def _alias(self, event: AliasEvent, depth: int) -> Node:
        name = str(event.anchor)
        meant = self._anchors.get(name)
        if meant is None:
            raise _fatal(_line(event), f"there is no anchor {shown(name)} before this", "a known anchor")
        self._admit(_line(event), values=meant.values, depth=depth + meant.levels)
        return meant.node

    def _admit(self, line: int, *, values: int, depth: int) -> None:
        self._values += values
        self._deepest = max(self._deepest, depth)
        if self._values > NODES_MAX:
            raise _fatal(line, f"more than {NODES_MAX:,} values", f"at most {NODES_MAX:,}, anchors followed")
        if depth > DEPTH_MAX:
            raise _fatal(line, "nested too deeply", f"at most {DEPTH_MAX} levels, anchors followed")

    def _content(self, event: Event, path: str, depth: int) -> Node:
        line = _line(event)
        if tag := getattr(event, "tag", None):
            self._refuse(line, path, f"the tag {shown(tag)} is not understood", "values without tags")
        if isinstance(event, ScalarEvent):
            value = _meaning(event)
            return Node(value, line, None if isinstance(value, str) else event.value)
        if isinstance(event, MappingStartEvent):
            return Node(self._entries(path, depth), line)
        return Node(tuple(self._items(path, depth)), line)

    def _items(self, path: str, depth: int) -> Iterator[Node]:
        for position in count():
            event = next(self._events)
            if isinstance(event, CollectionEndEvent):
                return
            yield self._node(event, f"{path}[{position}]", depth + 1)

    def _entries(self, path: str, depth: int) -> Mapping[str, Node]:
        entries: dict[str, Node] = {}
        while not isinstance(event := next(self._events), CollectionEndEvent):
            key = self._key(event, path, depth)
            inside = f"{path}.{key}" if path else str(key)
            value = self._node(next(self._events), inside, depth + 1)
            if key is None:
                continue
            if key in entries:
                first = entries[key].line
                self._refuse(
                    _line(event), inside, f"the key stands here twice, first on line {first}", "each key once"
                )
            entries.setdefault(key, replace(value, line=_line(event)))
        return entries

    def _key(self, event: Event, path: str, depth: int) -> str | None:
        key = self._node(event, path, depth + 1)
        if isinstance(key.value, str):
            return key.value
        self._refuse(_line(event), path, f"a key is a text, this is {described(key)}", "a text, in quotes")
        return None

    def _refuse(self, line: int, path: str, wrong: str, allowed: str) -> None:
        self._problems.add(Problem(line, path, wrong, allowed))


def _line(event: Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _meaning(event: ScalarEvent) -> Scalar:
    """What a scalar stands for; one in quotes is always a text."""
    text: str = event.value
    return _meaning_of_plain(text) if event.implicit[0] else text


def _meaning_of_plain(text: str) -> Scalar:
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.match(text):
        return int(text)
    return float(text) if _FLOAT.match(text) else text


def _fatal(line: int, wrong: str, allowed: str) -> FleetFileError:
    return FleetFileError([Problem(line, "", wrong, allowed)])


def _yaml_node(value: Any) -> yaml.Node:
    """A tree for the emitter: a list of mappings has a line for each of them, the rest stays on one."""
    if isinstance(value, Mapping):
        entries = [(_yaml_node(key), _yaml_node(item)) for key, item in value.items()]
        return yaml.MappingNode("tag:yaml.org,2002:map", entries, flow_style=not _holds_records(value))
    if isinstance(value, list):
        items = [_yaml_node(item) for item in value]
        return yaml.SequenceNode("tag:yaml.org,2002:seq", items, flow_style=not _holds_records(value))
    style = '"' if isinstance(value, str) and not isinstance(_meaning_of_plain(value), str) else None
    node = _REPRESENTER.represent_data(value)
    return yaml.ScalarNode(node.tag, node.value, style=style)


def _holds_records(value: Any) -> bool:
    """Whether there is a list of mappings in it."""
    if isinstance(value, Mapping):
        return any(_holds_records(item) for item in value.values())
    return isinstance(value, list) and any(
        isinstance(item, Mapping) or _holds_records(item) for item in value
    )
