"""Owns integers in as few bytes as they need: seven bits a byte, the low ones first, signs folded in."""

from collections.abc import Iterable

VALUE_BITS_MAX = 63
"""What any integer of history fits into; a longer one is no integer of ours."""

_MORE = 0x80
_LOW = 0x7F


class HistoryFormatError(ValueError):
    """These bytes are not history of this program; the text says what is wrong."""


def packed(values: Iterable[int]) -> bytes:
    """Integers, none below zero, as bytes."""
    out = bytearray()
    for value in values:
        rest = value
        while rest > _LOW:
            out.append(rest & _LOW | _MORE)
            rest >>= 7
        out.append(rest)
    return bytes(out)


def unpacked(data: bytes) -> list[int]:
    """The integers that `packed` made these bytes of.

    Raises:
        HistoryFormatError: the last one is cut off, or one is too large.
    """
    values: list[int] = []
    value = shift = 0
    for byte in data:
        if byte & _MORE:
            value |= (byte & _LOW) << shift
            shift += 7
            continue
        values.append(value | byte << shift)
        value = shift = 0
    if shift:
        raise HistoryFormatError("an integer is cut off")
    if values and max(values) >> VALUE_BITS_MAX:
        raise HistoryFormatError(f"an integer has more than {VALUE_BITS_MAX} bits")
    return values


def folded(value: int) -> int:
    """Any integer as one that is not negative, small where it was close to zero."""
    return value << 1 if value >= 0 else (-value << 1) - 1


def unfolded(value: int) -> int:
    """The integer that was folded."""
    return -(value + 1 >> 1) if value & 1 else value >> 1
