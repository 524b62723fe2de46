"""Owns what travels beside blocks: who wrote it, how an instance's health turned, why nothing was moved."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from types import UnionType
from typing import Any, NoReturn, Self

from controlplane.contract.documents import canonical
from controlplane.contract.names import is_instance_id, is_name
from controlplane.domain.history_varint import HistoryFormatError

BOOT_CHARACTERS_MAX = 64
TEXT_CHARACTERS_MAX = 500
TRACE_ID_DIGITS = 32
TIME_MS_LIMIT = 253_402_300_800_000
"""The end of the year 9999."""


@dataclass(frozen=True, slots=True)
class Origin:
    """One start of one prober, or of one replica of the control plane (of the vantage "")."""

    vantage: str
    prober: str
    boot: str
    """Random per process start."""

    def __post_init__(self) -> None:
        named = (not self.vantage or is_name(self.vantage)) and is_name(self.prober)
        if not named or not self.boot.isalnum() or len(self.boot) > BOOT_CHARACTERS_MAX:
            raise HistoryFormatError(f"{self} is not named as vantages, probers and boots are")

    def to_bytes(self) -> bytes:
        """Canonical JSON."""
        return canonical(asdict(self))

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """The origin that these bytes name.

        Raises:
            HistoryFormatError: they name none.
        """
        fields = _object(raw)
        return cls(*(_text(fields, name) for name in ("vantage", "prober", "boot")))


@dataclass(frozen=True, slots=True)
class HealthTurn:
    """The health of one instance became another one, as one prober saw it."""

    service: str
    region: str
    instance: str
    at_ms: int
    """Milliseconds since 1970, UTC, by the prober's clock."""
    before: str
    after: str
    reason: str
    """Of the outcome that tipped the scales, or why nothing is known any more."""
    check: str = ""
    """Empty where no single outcome brought it."""
    detail: str = ""

    def to_bytes(self) -> bytes:
        """Canonical JSON."""
        return canonical(asdict(self))

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """The turn that these bytes tell of.

        Raises:
            HistoryFormatError: they tell of none.
        """
        fields = _object(raw)
        texts = {name: _text(fields, name) for name in _TURN_TEXTS}
        turn = cls(at_ms=_milliseconds(fields, "at_ms"), **texts)
        if not (is_instance_id(turn.instance) and is_name(turn.service) and is_name(turn.region)):
            raise HistoryFormatError(
                f"{turn.instance!r} of {turn.service!r} in {turn.region!r} is no instance"
            )
        return turn


_TURN_TEXTS = ("service", "region", "instance", "before", "after", "reason", "check", "detail")


@dataclass(frozen=True, slots=True)
class EvaluationRecord:
    """Why the automation thinks what it thinks of a document, or why a publication did not become one."""

    kind: str
    """Of the document: failover or switches."""
    name: str
    at: str
    """RFC 3339."""
    outcome: str
    """`stay`, `move`, `refused` or `unknown`."""
    code: str
    reason: str
    before: str = ""
    """The state of the group before; empty for publications."""
    state: str = ""
    trace_id: str | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """Canonical JSON."""
        return canonical(asdict(self))

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """The record that these bytes tell of.

        Raises:
            HistoryFormatError: they tell of none.
        """
        fields = _object(raw)
        for name, value in fields.items():
            if not isinstance(value, _EVALUATION_TYPES.get(name, str)):
                raise HistoryFormatError(f"an evaluation: {name} is {value!r:.50}")
        try:
            return cls(**fields)
        except TypeError as error:
            raise HistoryFormatError(f"an evaluation: {error}") from error


_EVALUATION_TYPES: Mapping[str, type | UnionType] = {"trace_id": str | None, "inputs": dict}
"""Of the fields that are more or less than a text."""


def trace_id(origin: Origin, sequence: int) -> str:
    """What one record of one boot is called in logs and rows."""
    said = f"{origin.vantage}/{origin.prober}/{origin.boot}/{sequence}"
    return sha256(said.encode()).hexdigest()[:TRACE_ID_DIGITS]


def _object(raw: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(raw, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise HistoryFormatError(f"no JSON: {error}") from error
    if not isinstance(fields, dict):
        raise HistoryFormatError("no JSON object")
    return fields


def _refuse(constant: str) -> NoReturn:
    raise HistoryFormatError(f"{constant} is no number that PostgreSQL holds")


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or len(value) > TEXT_CHARACTERS_MAX:
        raise HistoryFormatError(
            f"{name} is {value!r:.50}, wanted is a text of at most {TEXT_CHARACTERS_MAX}"
        )
    return value


def _milliseconds(fields: Mapping[str, Any], name: str) -> int:
    value = fields.get(name)
    if type(value) is not int or not 0 <= value < TIME_MS_LIMIT:
        raise HistoryFormatError(f"{name} is {value!r:.50}, wanted are milliseconds since 1970")
    return value
