"""Owns the scalars of a fleet file: how a name, a duration or an address is read, checked and written."""

import ipaddress
import math
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar

from controlplane.application.fleet_limits import (
    AUTOMATIC_MOVES_MAX,
    AUTOMATIC_WINDOW_SECONDS_MAX,
    AUTOMATIC_WINDOW_SECONDS_MIN,
    HOST_CHARACTERS_MAX,
    PATTERN_CHARACTERS_MAX,
    REQUEST_PATH_CHARACTERS_MAX,
    SWITCH_INTEGER_MAX,
    TEXT_CHARACTERS_MAX,
)
from controlplane.application.fleet_tree import Mistake, Node, Reader, choices, described, shown
from controlplane.contract.names import INSTANCE_ID_RULE, NAME_RULE, is_instance_id, is_name

DURATION_RULE = "in ms, s, m or h, such as 500ms, 2s, 5m"
MOVES_RULE = "a number of moves and a window, such as 2 per 1h"
HOST_RULE = "a host name or an IP address, without scheme and port"

_UNIT_MILLISECONDS = {"h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
_DURATION = re.compile(r"(\d{1,10}(?:\.\d{1,3})?)(ms|s|m|h)\Z", re.ASCII)
_MOVES = re.compile(r"(\d{1,6}) per (\S{1,16})\Z", re.ASCII)
_PERCENT = re.compile(r"(\d{1,3})%\Z", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_HOST = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(?:\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*\.?\Z")
_CATALOG_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}\Z")
_NUMERIC_END = re.compile(r"(?:.*\.)?\d+\.?\Z", re.ASCII)
"""No top-level domain is a number: what ends like this is an IP address or a slip of one."""
_REQUEST_PATH = re.compile(r"/[!-~]*\Z")
_NOT_UNICODE = re.compile("[\x00\ud800-\udfff]")

E = TypeVar("E", bound=StrEnum)


def text(node: Node) -> str:
    """A text for people, one line or several."""
    value = _string(node, f"a text of at most {TEXT_CHARACTERS_MAX} characters")
    if len(value) > TEXT_CHARACTERS_MAX:
        raise Mistake(f"{len(value)} characters", f"at most {TEXT_CHARACTERS_MAX}")
    if _CONTROL.search(value):
        raise Mistake(f"{shown(value)} has control characters", "printable text and line breaks")
    return value


def name(node: Node) -> str:
    """A name as `contract.names` admits it."""
    value = _string(node, NAME_RULE)
    if not is_name(value):
        raise Mistake(f"{shown(value)} is not a name", NAME_RULE)
    return value


def instance_id(node: Node) -> str:
    """An instance id as `contract.names` admits it."""
    value = _string(node, INSTANCE_ID_RULE)
    if not is_instance_id(value):
        raise Mistake(f"{shown(value)} is not an instance id", INSTANCE_ID_RULE)
    return value


def catalog_name(node: Node) -> str:
    """The name of a service or a datacenter of Consul."""
    allowed = "letters, digits, dots, underscores and hyphens, at most 128"
    value = _string(node, allowed)
    if _CATALOG_NAME.match(value) is None:
        raise Mistake(f"{shown(value)} is not a name in Consul's catalog", allowed)
    return value


def boolean(node: Node) -> bool:
    """A truth value."""
    if not isinstance(node.value, bool):
        raise Mistake(f"true or false is wanted, this is {described(node)}", "true, false")
    return node.value


def integer(low: int, high: int) -> Reader[int]:
    """A reader of whole numbers between two bounds."""
    allowed = f"a whole number from {low} to {high}"

    def read(node: Node) -> int:
        value = node.value
        if not isinstance(value, int) or isinstance(value, bool):
            raise Mistake(f"a whole number is wanted, this is {described(node)}", allowed)
        if not low <= value <= high:
            raise Mistake(f"{value} is out of bounds", allowed)
        return value

    return read


switch_integer = integer(-SWITCH_INTEGER_MAX, SWITCH_INTEGER_MAX)


def finite(node: Node) -> float:
    """A number that JSON can carry."""
    value = node.value
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise Mistake(f"a number is wanted, this is {described(node)}", "a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise Mistake(f"{node.written or value} is not a finite number", "a finite number")
    return number


def duration(low: float, high: float) -> Reader[float]:
    """A reader of durations between two bounds, in seconds."""
    allowed = f"{duration_text(low)} to {duration_text(high)}, {DURATION_RULE}"

    def read(node: Node) -> float:
        stands = _as_written(node)
        seconds = _seconds(stands, allowed)
        if not low <= seconds <= high:
            raise Mistake(f"{stands} is out of bounds", allowed)
        return seconds

    return read


def duration_text(seconds: float) -> str:
    """A duration as the file states it: in the largest unit that divides it."""
    milliseconds = round(seconds * 1000)
    if milliseconds == 0:
        return "0s"
    unit = next(unit for unit, size in _UNIT_MILLISECONDS.items() if milliseconds % size == 0)
    return f"{milliseconds // _UNIT_MILLISECONDS[unit]}{unit}"


def percent(node: Node) -> int:
    """A share such as `50%`."""
    allowed = "1% to 100%"
    stands = _as_written(node)
    match = _PERCENT.match(stands)
    if match is None or not 1 <= int(match[1]) <= 100:  # noqa: PLR2004 - per cent
        raise Mistake(f"{shown(stands)} is not a share", allowed)
    return int(match[1])


def moves_per_window(node: Node) -> tuple[int, float]:
    """`2 per 1h`: how many, in how many seconds."""
    window = duration(AUTOMATIC_WINDOW_SECONDS_MIN, AUTOMATIC_WINDOW_SECONDS_MAX)
    stands = _as_written(node)
    match = _MOVES.match(stands)
    if match is None:
        raise Mistake(f"{shown(stands)} is not a number of moves and a window", MOVES_RULE)
    moves = integer(1, AUTOMATIC_MOVES_MAX)(Node(int(match[1])))
    return moves, window(Node(match[2]))


def one_of(words: Sequence[str], *, later: Sequence[str] = ()) -> Reader[str]:
    """A reader of one of several words; those of `later` are planned, and not offered yet."""
    allowed = ", ".join(words)

    def read(node: Node) -> str:
        value = _string(node, allowed)
        if value in later:
            raise Mistake(f"{shown(value)} is not offered by this version", allowed)
        if value not in words:
            raise Mistake(f"{shown(value)} is unknown", choices(value, words))
        return value

    return read


def member_of(members: type[E], *, later: Sequence[str] = ()) -> Reader[E]:
    """The same for the words of an enumeration."""
    word = one_of([member.value for member in members if member.value not in later], later=later)
    return lambda node: members(word(node))


def host(node: Node) -> str:
    """A host name or an IP address."""
    value = _string(node, HOST_RULE)
    named = len(value) <= HOST_CHARACTERS_MAX and _HOST.match(value) and not _NUMERIC_END.match(value)
    if not (named or _is_ip_address(value)):
        raise Mistake(f"{shown(value)} is not an address", HOST_RULE)
    return value


def request_path(node: Node) -> str:
    """The path and query of an HTTP request."""
    allowed = f"/ and then printable ASCII without #, at most {REQUEST_PATH_CHARACTERS_MAX:,} characters"
    value = _string(node, allowed)
    if len(value) > REQUEST_PATH_CHARACTERS_MAX or "#" in value or _REQUEST_PATH.match(value) is None:
        raise Mistake(f"{shown(value)} is not a request path", allowed)
    return value


def pattern(node: Node) -> str:
    """A regular expression of Python."""
    allowed = f"a regular expression of at most {PATTERN_CHARACTERS_MAX} characters"
    value = _string(node, allowed)
    if len(value) > PATTERN_CHARACTERS_MAX:
        raise Mistake(f"{len(value)} characters", allowed)
    try:
        re.compile(value)
    except (re.error, RecursionError, OverflowError) as error:
        raise Mistake(f"{shown(value)} is not a regular expression: {error}", allowed) from error
    return value


def json_value(node: Node) -> Any:
    """Any value of JSON that every language reads alike: no NaN, no integer above 2^53."""
    value = node.value
    if isinstance(value, Mapping):
        return {_unicode(key): json_value(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [json_value(item) for item in value]
    if isinstance(value, str):
        return _unicode(value)
    if isinstance(value, float):
        return finite(node)
    return value if value is None or isinstance(value, bool) else switch_integer(node)


def _string(node: Node, allowed: str) -> str:
    if not isinstance(node.value, str):
        quote = "" if node.written is None else "; put it in quotes if it is meant as text"
        raise Mistake(f"a text is wanted, this is {described(node)}{quote}", allowed)
    return _unicode(node.value)


def _as_written(node: Node) -> str:
    """A scalar as it stands in the file, also where it is not a text: `2` is a duration without its unit."""
    return node.written or ("" if node.value is None else str(node.value))


def _unicode(value: str) -> str:
    if _NOT_UNICODE.search(value):
        raise Mistake(f"{shown(value)} has a NUL or half a surrogate pair", "Unicode text")
    return value


def _seconds(value: str, allowed: str) -> float:
    match = _DURATION.match(value)
    if match is None:
        raise Mistake(f"{shown(value)} is not a duration", allowed)
    milliseconds = Decimal(match[1]) * _UNIT_MILLISECONDS[match[2]]
    if milliseconds != int(milliseconds):
        raise Mistake(f"{shown(value)} is no whole number of milliseconds", allowed)
    return int(milliseconds) / 1000


def _is_ip_address(value: str) -> bool:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True
