"""Owns the checking of JSON fields: each says what is wanted where it found something else."""

import json
from collections.abc import Iterable
from math import isfinite
from typing import Any

from controlplane.contract.names import is_name

INTEGER_MIN, INTEGER_MAX = -(2**63), 2**63 - 1
"""What the integers of every language hold."""


NESTING_LEVELS_MAX = 500
"""Of what is read at all: half of what Python's stack holds, so that what can be read can be told, too."""


class DocumentError(ValueError):
    """These bytes are not a document this program understands; the text says what is wrong and where."""


def json_object(raw: bytes, *, bytes_max: int) -> dict[str, Any]:
    """The JSON object that these bytes are.

    Raises:
        DocumentError: too large, not JSON, or another kind of value.
    """
    if len(raw) > bytes_max:
        raise DocumentError(f"{len(raw)} bytes, at most {bytes_max} are allowed")
    try:
        value = json.loads(raw.decode(), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise DocumentError(f"not JSON: {error}") from error
    if _is_deeper(value, NESTING_LEVELS_MAX):
        raise DocumentError(f"nested deeper than {NESTING_LEVELS_MAX} levels")
    if not isinstance(value, dict):
        raise DocumentError(f"a JSON object is wanted, not {shown(value)}"[:200])
    return value


def integer(value: Any) -> int:
    """A JSON integer of 64 bits."""
    if not is_int(value):
        raise DocumentError(f"an integer is wanted, not {shown(value)}"[:200])
    return int(value)


def text(value: Any) -> str:
    """A JSON string."""
    if not isinstance(value, str):
        raise DocumentError(f"a text is wanted, not {shown(value)}")
    return value


def shown(value: Any) -> str:
    """A value for messages: the three words of JSON as JSON writes them, all else as Python does."""
    return json.dumps(value) if value is None or isinstance(value, bool) else repr(value)


def name(value: Any) -> str:
    """A JSON string that may name something."""
    if not is_name(text(value)):
        raise DocumentError(f"{value!r} is not a name")
    return str(value)


def is_int(value: Any) -> bool:
    """Whether this is a whole number, written as one, of 64 bits."""
    return isinstance(value, int) and not isinstance(value, bool) and INTEGER_MIN <= value <= INTEGER_MAX


def _is_deeper(value: Any, levels: int) -> bool:
    layer = [value]
    for _ in range(levels):
        if not layer:
            return False
        layer = [inner for outer in layer for inner in _inside(outer)]
    return bool(layer)


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON value")


def is_finite(value: float) -> bool:
    """Whether a number fits a float and is no infinity."""
    try:
        return isfinite(value)
    except OverflowError:  # an integer beyond what a float holds
        return False
