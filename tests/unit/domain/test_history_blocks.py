"""Blocks and pages come back from bytes as they went in; thinned, they keep their sums."""

import json
import zlib
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.domain.history_block import (
    PAGE_BLOCKS_MAX,
    PAGE_BYTES_MAX,
    Block,
    Series,
    block_of_samples,
    block_of_summary,
    pack_page,
    unpack_page,
)
from controlplane.domain.history_reasons import CODES
from controlplane.domain.history_samples import LATENCY_MAX, OFFSET_MS_MAX, SAMPLES_MAX, Samples
from controlplane.domain.history_sketch import BUCKETS_MAX
from controlplane.domain.history_summary import added
from controlplane.domain.history_thinning import THINNED_MINUTES, Thinning
from controlplane.domain.history_varint import HistoryFormatError, folded, packed
from tests.probe_histories import NOW, OK, OURS, SERIES, TIMEOUT, block, series
from tests.unit.domain.history_strategies import pages, samples


@given(st.integers(0, 2**31), samples())
def test_a_block_says_the_same_with_and_without_its_samples(minute: int, found: Samples):
    """A block that was thinned has the same sums; its samples are gone, and it says so."""
    whole = block_of_samples(minute, found)
    thinned = block_of_summary(minute, whole.summary())

    assert thinned.summary() == whole.summary()
    assert replace(thinned, data=b"") == replace(whole, data=b"")
    assert thinned.samples() is None
    assert whole.samples() is not None


@given(pages)
def test_pages_come_back(page: list[tuple[Series, Block]]):
    """Blocks come back from a page as they were, in their order."""
    assert unpack_page(pack_page(page)) == tuple(page)


@given(pages, st.data())
def test_a_damaged_page_is_told_or_harmless(page: list[tuple[Series, Block]], data: st.DataObject):
    """Whatever byte of a page is another one, it is told, or it is a page all the same."""
    raw = bytearray(pack_page(page))
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] ^= data.draw(st.integers(1, 255))
    try:
        unpack_page(bytes(raw))
    except HistoryFormatError:
        return


def page_of(numbers_of_block: list[int], *, head: object = None, data: bytes = b"") -> bytes:
    """A page whose parts are what a test says."""
    names = json.dumps([["checkout", "us-east", "i-1", "api"]] if head is None else head).encode()
    body = packed(numbers_of_block)
    lengths = packed([len(names), len(body), NOW])
    return zlib.compress(bytes([len(lengths)]) + lengths + names + body + data)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"no page",
        pack_page([(SERIES, block())])[:-3],
        pack_page([(SERIES, block())]) + b"x",
        zlib.compress(b""),
        zlib.compress(b"\x01\x01"),
        zlib.compress(bytes(PAGE_BYTES_MAX + 1)),
        page_of([1, 0, 1, 0, 0, 0, 0, 0]),
        page_of([0, 0, 1, 0, 0, 0, 0]),
        page_of([0, 0, 1, 0, 0, 0, 0, 9]),
        page_of([0, 0, 1, 1, 1, 0, 0, 0]),
        page_of([0, 0, SAMPLES_MAX + 1, 0, 0, 0, 0, 0]),
        page_of([0, 0, 1, 0, 0, 1, LATENCY_MAX + 1, 0]),
        page_of([0, 0, 1, 0, 0, 0, 0, 0], data=b"x"),
        page_of([0, 0, 1, 0, 0, 0, 0, 0] * (PAGE_BLOCKS_MAX + 1)),
        page_of([], head=[["checkout", "us-east"]]),
        page_of([], head=[["checkout", "us-east", "i 1", "api"]]),
        page_of([], head=[["Check out", "us-east", "i-1", "api"]]),
        page_of([], head=7),
        zlib.compress(b"\x03\x02\x00\x00" + b"[["),
    ],
)
def test_what_is_no_page(raw: bytes):
    """What is cut off, too large, misnamed or contradicts itself is told."""
    with pytest.raises(HistoryFormatError):
        unpack_page(raw)


@pytest.mark.parametrize(
    "numbers",
    [
        [1, 0, folded(-1), OK, 1],
        [1, 0, folded(LATENCY_MAX + 1), OK, 1],
        [1, folded(-OFFSET_MS_MAX - 1), 0, OK, 1],
        [1, folded(OFFSET_MS_MAX + 1), 0, OK, 1],
    ],
)
def test_samples_that_cannot_be(numbers: list[int]):
    """A probe that took less than no time, or sixty hours, or began weeks away from its minute, is damage."""
    for look in (Block.summary, Block.samples):
        with pytest.raises(HistoryFormatError):
            look(Block(NOW, 1, 0, 0, 0, 0, packed(numbers)))


def sum_of(*counts: int) -> bytes:
    """The data of a block without samples: counts of reasons, counts of latencies."""
    return packed([0, *counts])


@pytest.mark.parametrize(
    "data",
    [
        sum_of(1, OK, 2, 1, 5, 2),
        sum_of(1, OK, 1, 1, 5, 2),
        sum_of(1, OK, 1, 0),
        sum_of(1, TIMEOUT, 1, 0),
        sum_of(1, OURS, 1, 0),
        sum_of(1, CODES, 1, 0),
        sum_of(1, OK, 1, 1, BUCKETS_MAX, 1),
        sum_of(1, OK, 1, 1, 2**62, 1),
        sum_of(1, OK),
        sum_of(2**40, OK, 1),
        sum_of(),
    ],
)
def test_sums_that_cannot_be(data: bytes):
    """A sum of other counts than its block says, of unknown reasons or endless latencies, is damage."""
    assert Block(NOW, 1, 0, 0, 5, 5, sum_of(1, OK, 1, 1, 5, 1)).summary().probes == 1
    with pytest.raises(HistoryFormatError):
        Block(NOW, 1, 0, 0, 5, 5, data).summary()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda one: replace(one, probes=4),
        lambda one: replace(one, failures=2),
        lambda one: replace(one, failures=0, faults=1),
        lambda one: replace(one, fastest=None, slowest=None),
    ],
)
def test_a_block_and_its_data_say_the_same(wrong: Callable[[Block], Block]):
    """Where the numbers of a block are others than those of its data, it is damaged, thinned or not."""
    whole = block()
    for one in (whole, block_of_summary(NOW, whole.summary())):
        assert one.summary().probes == 3
        with pytest.raises(HistoryFormatError):
            wrong(one).summary()


@pytest.mark.parametrize("wrong", [replace(block(), fastest=31), replace(block(), slowest=34)])
def test_a_block_and_its_samples_have_the_same_bounds(wrong: Block):
    """A block that was faster or slower than its samples is damaged."""
    with pytest.raises(HistoryFormatError):
        wrong.summary()


@pytest.mark.parametrize("data", [b"", b"\x02\x00", b"\x80"])
def test_a_block_with_damaged_data(data: bytes):
    """Data that are no samples and no sum are told when they are looked at, by both looks."""
    damaged = replace(block(), data=data)
    with pytest.raises(HistoryFormatError):
        damaged.summary()
    with pytest.raises(HistoryFormatError):
        damaged.samples()


def test_thinning_keeps_the_sums_of_each_quarter_of_an_hour():
    """Blocks of one check in one quarter of an hour become one; what they add up to stays."""
    quarter = NOW - NOW % THINNED_MINUTES
    minutes = [quarter + 2, quarter + 1, quarter + THINNED_MINUTES, quarter + 3]
    thinning = Thinning()
    for name in ("a", "b"):
        thinning.add(pack_page([(series(name), block(minute)) for minute in minutes]))
    found = [entry for page in thinning.pages() for entry in unpack_page(page)]

    assert [(one.instance, thinned.minute, thinned.probes) for one, thinned in found] == [
        ("a", quarter + 1, 9),
        ("b", quarter + 1, 9),
        ("a", quarter + THINNED_MINUTES, 3),
        ("b", quarter + THINNED_MINUTES, 3),
    ]
    assert found[0][1].summary() == added([block().summary()] * 3)


@given(st.lists(pages, max_size=4))
def test_thinning_loses_no_count(given_pages: list[list[tuple[Series, Block]]]):
    """However blocks lie in pages, every outcome is counted afterwards, in no more pages than before."""
    thinning = Thinning()
    for page in given_pages:
        thinning.add(pack_page(page))
    thinned = list(thinning.pages())
    before = added(one.summary() for page in given_pages for _, one in page)
    after = added(one.summary() for page in thinned for _, one in unpack_page(page))

    assert after == before
    assert len(thinned) <= max(1, len(given_pages))


def test_a_page_holds_a_bounded_number_of_blocks():
    """What thinning leaves of very many series fills several pages."""
    thinning = Thinning()
    for start in range(0, PAGE_BLOCKS_MAX + 1, 500):
        thinning.add(pack_page([(series(f"i-{number}"), block()) for number in range(start, start + 500)]))

    assert [len(unpack_page(page)) for page in thinning.pages()] == [PAGE_BLOCKS_MAX, 1500 - PAGE_BLOCKS_MAX]
