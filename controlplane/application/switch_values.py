"""Owns the plain values of switches, as they stand below `values/switches/`, cut to fit transactions."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from controlplane.application.ports import OPERATIONS_MAX
from controlplane.application.publication import SCALARS_MAX
from controlplane.contract.keys import Keys
from controlplane.contract.switches import SwitchDocument, effective_value, scalar

SCALARS_BYTES_MAX = 48 * 1024
"""Of the values that ride with a document: with its log entry they fit one request to Consul."""
VALUES_PER_TRANSACTION_MAX = OPERATIONS_MAX - 3
"""Beside the checks of the store, the term and the document."""
VALUES_BYTES_MAX = 256 * 1024

Scalars = tuple[tuple[str, bytes], ...]


def plain_values(keys: Keys, document: SwitchDocument, now: datetime) -> dict[str, bytes]:
    """Key → value of each switch, for a reader that names neither region nor unit."""
    return {
        keys.switch_value(document.service, name): scalar(
            effective_value(document, name, region=None, unit=None, now=now)
        )
        for name in document.switches
    }


def riding(values: Mapping[str, bytes]) -> tuple[Scalars, Scalars]:
    """Those that ride in the transaction of their document, and the rest."""
    first = next(_pieces(tuple(values.items()), SCALARS_MAX, SCALARS_BYTES_MAX), ())
    return first, tuple(values.items())[len(first) :]


def pieces(values: Scalars) -> Iterator[Scalars]:
    """Values in pieces that fit a transaction of their own."""
    return _pieces(values, VALUES_PER_TRANSACTION_MAX, VALUES_BYTES_MAX)


def _pieces(values: Sequence[tuple[str, bytes]], count_max: int, bytes_max: int) -> Iterator[Scalars]:
    piece: list[tuple[str, bytes]] = []
    size = 0
    for key, value in values:
        if piece and (len(piece) == count_max or size + len(value) > bytes_max):
            yield tuple(piece)
            piece, size = [], 0
        piece.append((key, value))
        size += len(value)
    if piece:
        yield tuple(piece)
