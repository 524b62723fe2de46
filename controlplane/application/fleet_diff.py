"""Owns what an `apply` shows: the differences of two fleets, in the fleet file's own words."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from controlplane.application.fleet_adoption import without_adopted
from controlplane.application.fleet_file import fleet_to_mapping
from controlplane.domain.fleet import Fleet

VALUE_CHARACTERS_MAX = 200


class _Absent(Enum):
    ABSENT = auto()

    def __bool__(self) -> bool:
        return False


_ABSENT = _Absent.ABSENT


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where two fleets differ; None stands for what is not there."""

    path: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        if self.before is None:
            return f"+ {self.path}: {self.after}"
        if self.after is None:
            return f"- {self.path}: {self.before}"
        return f"~ {self.path}: {self.before} → {self.after}"


def diff(before: Fleet, after: Fleet) -> tuple[Difference, ...]:
    """How what the file declares differs, in the file's order; adopted instances are not looked at."""
    return tuple(_compare("", *(fleet_to_mapping(without_adopted(fleet)) for fleet in (before, after))))


def _compare(path: str, before: Any, after: Any) -> Iterator[Difference]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in [*before, *(key for key in after if key not in before)]:
            inside = f"{path}.{key}" if path else key
            yield from _compare(inside, before.get(key, _ABSENT), after.get(key, _ABSENT))
    elif (before or after) and _are_items(before) and _are_items(after):
        yield from _compare_items(path, before or [], after or [])
    elif _canonical(before) != _canonical(after):
        yield Difference(path, _text(before), _text(after))


def _compare_items(
    path: str, before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]
) -> Iterator[Difference]:
    """Lists whose items have names are compared by name; their order counts for what is in both."""
    old, new = ({_name(item): item for item in items} for items in (before, after))
    for name in old:
        if name not in new:
            yield Difference(f"{path}[{name}]", _text(old[name]), None)
    for name in new:
        if name in old:
            yield from _compare(f"{path}[{name}]", old[name], new[name])
        else:
            yield Difference(f"{path}[{name}]", None, _text(new[name]))
    orders = [name for name in old if name in new], [name for name in new if name in old]
    if orders[0] != orders[1]:
        yield Difference(f"order of {path}", *(_text(order) for order in orders))


def _are_items(value: Any) -> bool:
    """Whether it is a list whose items have names of their own, or is not there, which is an empty one."""
    if value is _ABSENT:
        return True
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        return False
    names = [_name(item) for item in value]
    return all(isinstance(name, str) for name in names) and len(set(names)) == len(names)


def _name(item: Mapping[str, Any]) -> Any:
    return item.get("id", item.get("name"))


def _canonical(value: Any) -> str:
    """Tells true from 1, which Python does not."""
    return "" if value is _ABSENT else json.dumps(value, sort_keys=True)


def _text(value: Any) -> str | None:
    if value is _ABSENT:
        return None
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= VALUE_CHARACTERS_MAX else f"{text[: VALUE_CHARACTERS_MAX - 1]}…"
