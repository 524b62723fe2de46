"""Owns blocks, what one check of one instance found in one minute, and pages, in which blocks travel.

A block holds its samples. One whose samples had to go, because the disk was full, holds their summary, and
may then stand for a quarter of an hour; so do those that stand for a whole hour or day in PostgreSQL.
"""

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter

from controlplane.contract.names import is_instance_id, is_name
from controlplane.domain.history_reasons import FAILURES_FROM, FAULTS_FROM
from controlplane.domain.history_samples import (
    LATENCY_MAX,
    SAMPLES_MAX,
    Samples,
    pack_samples,
    unpack_samples,
)
from controlplane.domain.history_summary import Summary, pack_summary, summarised, unpack_summary
from controlplane.domain.history_varint import HistoryFormatError, packed, unpacked

PAGE_BLOCKS_MAX = 1024
PAGE_BYTES_MAX = 4 * 1024 * 1024
"""Of a page once it is inflated."""

_SUMMARISED = 0
"""Where the number of samples would stand."""
_NUMBERS_PER_BLOCK = 8
_NUMBERS = attrgetter("probes", "failures", "faults", "fastest", "slowest")
"""What a block says beside its data, and a summary out of them."""
_COMPRESSION_LEVEL = 1
"""Names repeat from page to page and go at once; the blocks themselves hardly shrink."""


@dataclass(frozen=True, slots=True, order=True)
class Series:
    """One check of one instance."""

    service: str
    region: str
    instance: str
    check: str

    def __post_init__(self) -> None:
        if not (is_instance_id(self.instance) and all(map(is_name, (self.service, self.region, self.check)))):
            raise HistoryFormatError(f"{self} is not named as services, regions, instances and checks are")


@dataclass(frozen=True, slots=True)
class Block:
    """What one check found from `minute` on. Latencies are in steps of 0.1 ms, of successes alone."""

    minute: int
    """Minutes since 1970, UTC."""
    probes: int
    failures: int
    faults: int
    fastest: int | None
    slowest: int | None
    data: bytes

    def samples(self) -> Samples | None:
        """Probe by probe; None where that had to go.

        Raises:
            HistoryFormatError: the data are damaged.
        """
        numbers = unpacked(self.data)
        return None if numbers[:1] == [_SUMMARISED] else unpack_samples(numbers)

    def summary(self) -> Summary:
        """All of it added up.

        Raises:
            HistoryFormatError: the data are damaged, or come to something else than the block says.
        """
        numbers = unpacked(self.data)
        if numbers[:1] == [_SUMMARISED]:
            summary = unpack_summary(numbers[1:], fastest=self.fastest, slowest=self.slowest)
        else:
            summary = summarised(unpack_samples(numbers))
        if _NUMBERS(summary) != _NUMBERS(self):
            raise HistoryFormatError("a block says something else than its data")
        return summary


Entry = tuple[Series, Block]


def block_of_samples(minute: int, samples: Samples) -> Block:
    """A block that holds samples."""
    good = samples.latencies_of_successes()
    return Block(
        minute=minute,
        probes=len(samples),
        failures=sum(FAILURES_FROM <= code < FAULTS_FROM for code in samples.codes),
        faults=sum(code >= FAULTS_FROM for code in samples.codes),
        fastest=min(good, default=None),
        slowest=max(good, default=None),
        data=packed(pack_samples(samples)),
    )


def block_of_summary(minute: int, summary: Summary) -> Block:
    """A block that holds what the samples came to."""
    return Block(
        minute=minute,
        probes=summary.probes,
        failures=summary.failures,
        faults=summary.faults,
        fastest=summary.fastest,
        slowest=summary.slowest,
        data=packed([_SUMMARISED, *pack_summary(summary)]),
    )


def pack_page(entries: Sequence[Entry]) -> bytes:
    """Blocks as bytes: the names, the numbers of every block, the data of every block."""
    names = sorted({series for series, _ in entries})
    places = {series: place for place, series in enumerate(names)}
    head = json.dumps([[one.service, one.region, one.instance, one.check] for one in names]).encode()
    first = min((block.minute for _, block in entries), default=0)
    numbers = packed(
        number for series, block in entries for number in (places[series], *_numbers(block, first))
    )
    lengths = packed([len(head), len(numbers), first])
    body = [bytes([len(lengths)]), lengths, head, numbers, *(block.data for _, block in entries)]
    return zlib.compress(b"".join(body), _COMPRESSION_LEVEL)


def unpack_page(page: bytes) -> tuple[Entry, ...]:
    """The blocks of a page.

    Raises:
        HistoryFormatError: it is none, or holds more than a page may.
    """
    try:
        body = _inflated(page)
        lengths_end = 1 + body[0]
        head_bytes, numbers_bytes, first = unpacked(body[1:lengths_end])
        head_end = lengths_end + head_bytes
        numbers_end = head_end + numbers_bytes
        names = [Series(*map(str, name)) for name in json.loads(body[lengths_end:head_end])]
        numbers = unpacked(body[head_end:numbers_end])
        return tuple(_entries(names, numbers, first, body[numbers_end:]))
    except (zlib.error, ValueError, IndexError, TypeError, RecursionError) as error:
        raise HistoryFormatError(f"a page of history: {error}") from error


def _inflated(page: bytes) -> bytes:
    inflating = zlib.decompressobj()
    body = inflating.decompress(page, PAGE_BYTES_MAX)
    if not inflating.eof or inflating.unused_data:
        raise HistoryFormatError(f"it is cut off, or larger than {PAGE_BYTES_MAX} bytes")
    return body


def _numbers(block: Block, first: int) -> tuple[int, ...]:
    return (
        block.minute - first,
        block.probes,
        block.failures,
        block.faults,
        *_bounds(block.fastest, block.slowest),
        len(block.data),
    )


def _bounds(fastest: int | None, slowest: int | None) -> tuple[int, int]:
    return (0, 0) if fastest is None or slowest is None else (fastest + 1, slowest - fastest)


def _entries(names: Sequence[Series], numbers: Sequence[int], first: int, data: bytes) -> Iterator[Entry]:
    count, odd = divmod(len(numbers), _NUMBERS_PER_BLOCK)
    if odd or count > PAGE_BLOCKS_MAX:
        raise HistoryFormatError(f"{len(numbers)} numbers for at most {PAGE_BLOCKS_MAX} blocks")
    end = 0
    for place in range(0, len(numbers), _NUMBERS_PER_BLOCK):
        series, minute, probes, failures, faults, fastest, spread, length = numbers[
            place : place + _NUMBERS_PER_BLOCK
        ]
        begin, end = end, end + length
        consistent = failures + faults <= probes <= SAMPLES_MAX and fastest + spread - 1 <= LATENCY_MAX
        if end > len(data) or not consistent:
            raise HistoryFormatError("the numbers of a block contradict each other")
        yield (
            names[series],
            Block(
                first + minute,
                probes,
                failures,
                faults,
                fastest - 1 if fastest else None,
                fastest - 1 + spread if fastest else None,
                data[begin:end],
            ),
        )
    if end != len(data):
        raise HistoryFormatError("there is more than its blocks")
