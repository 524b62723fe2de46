"""History in bytes: whatever is packed comes back, within bounds, and what is damaged is told."""

import json
import zlib
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from controlplane.domain.history_block import (
    LATENCY_MAX,
    PAGE_BLOCKS_MAX,
    PAGE_BYTES_MAX,
    Block,
    Series,
    block_of_samples,
    block_of_summary,
    pack_page,
    unpack_page,
)
from controlplane.domain.history_frame import PAYLOAD_BYTES_MAX, Frame, Stream, frames
from controlplane.domain.history_reasons import REASON_CODES, code_of, reason_of, verdict_of
from controlplane.domain.history_records import EvaluationRecord, HealthTurn, Origin, trace_id
from controlplane.domain.history_samples import SAMPLES_MAX, Samples, pack_samples, unpack_samples
from controlplane.domain.history_sketch import pack_counts, quantile, sketched, unpack_counts
from controlplane.domain.history_summary import NOTHING, Summary, added, summarised
from controlplane.domain.history_thinning import THINNED_MINUTES, Thinning
from controlplane.domain.history_varint import HistoryFormatError, folded, packed, unfolded, unpacked
from controlplane.domain.outcome import Outcome, Reason, Verdict
from tests.probe_histories import NOW, OK, OURS, SERIES, TIMEOUT, block, series, turn

numbers = st.integers(0, 2**63 - 1)
codes = st.sampled_from([*REASON_CODES.values(), 15, 127, 255])
names = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True)
ids = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,8}", fullmatch=True)
all_series = st.builds(Series, service=names, region=names, instance=ids, check=names)


@st.composite
def samples(draw: st.DrawFn, most: int = 60) -> Samples:
    """Samples at any times, with any latencies and reasons."""
    found = draw(
        st.lists(
            st.tuples(st.integers(-(2**31), 2**31), st.integers(0, LATENCY_MAX), codes),
            min_size=1,
            max_size=most,
        )
    )
    offsets, latencies, reasons = zip(*found, strict=True)
    return Samples(offsets, latencies, bytes(reasons))


blocks = st.builds(block_of_samples, st.integers(0, 2**31 - 1), samples(most=12))
pages = st.lists(st.tuples(all_series, blocks), max_size=20)


@given(st.lists(numbers))
def test_integers_come_back(values: list[int]):
    """Whatever integers are packed are unpacked, in as many bytes as they need."""
    raw = packed(values)

    assert unpacked(raw) == values
    assert len(raw) == sum(max(1, -(-value.bit_length() // 7)) for value in values)


@given(st.integers(-(2**62), 2**62))
@example(0)
@example(-1)
def test_signs_are_folded_in(value: int):
    """A signed integer comes back, and small ones stay small."""
    assert unfolded(folded(value)) == value
    assert folded(value) <= 2 * abs(value)


@pytest.mark.parametrize("raw", [b"\x80", b"\x01\xff", b"\xff" * 9 + b"\x7f\x01"])
def test_integers_that_are_none(raw: bytes):
    """An integer that is cut off or longer than any of ours is told."""
    with pytest.raises(HistoryFormatError):
        unpacked(raw)


def test_every_reason_has_a_number_of_its_own():
    """No two reasons share a number, the number says the verdict, and what it says does not change."""
    assert set(REASON_CODES) == set(Reason)
    assert len(set(REASON_CODES.values())) == len(REASON_CODES)
    assert REASON_CODES[Reason.TIMEOUT] == 22
    for reason, code in REASON_CODES.items():
        ours, good = reason.value.startswith("our_"), reason in {Reason.OK, Reason.SLOW}
        wanted = Verdict.FAULT_OF_OURS if ours else Verdict.SUCCESS if good else Verdict.FAILURE
        assert (reason_of(code), verdict_of(code)) == (reason.value, wanted)


@pytest.mark.parametrize("verdict", list(Verdict))
def test_a_reason_without_a_number_counts_on_the_right_side(verdict: Verdict):
    """A reason that was given no number yet keeps its verdict, and is told by a number."""
    outcome = Outcome(verdict, "tomorrow's")  # type: ignore[arg-type]
    code = code_of(outcome)

    assert verdict_of(code) is verdict
    assert reason_of(code) == f"reason-{code}"


@given(samples())
def test_samples_come_back(found: Samples):
    """Times, latencies and reasons come back as they were."""
    back = unpack_samples(unpacked(packed(pack_samples(found))))

    assert [*back.offsets_ms] == [*found.offsets_ms]
    assert [*back.latencies] == [*found.latencies]
    assert bytes(back.codes) == bytes(found.codes)


def test_a_quiet_minute_takes_two_bytes_a_sample():
    """A target that answers steadily costs two bytes a probe and a dozen for the block."""
    steady = Samples([2_000 * beat for beat in range(30)], [25 + beat % 3 for beat in range(30)], bytes(30))

    assert len(block_of_samples(NOW, steady).data) <= 2 * 30 + 12


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        [0],
        [2, 0, 0, 0],
        [1, 0, 0],
        [1, 0, 0, 0],
        [1, 0, 0, 0, 2],
        [1, 0, 0, 256, 1],
        [1, 0, 0, 0, 1, 0],
        [SAMPLES_MAX + 1, *[0] * (2 * SAMPLES_MAX + 2), 0, SAMPLES_MAX + 1],
    ],
)
def test_samples_that_do_not_add_up(wrong: list[int]):
    """Numbers that contradict each other are told, and never become samples."""
    with pytest.raises(HistoryFormatError):
        unpack_samples(wrong)


@given(st.lists(st.integers(0, LATENCY_MAX), min_size=1), st.floats(0.0, 1.0))
def test_a_quantile_is_close(latencies: list[int], share: float):
    """A quantile out of a sketch is within 3.2 % of the true one, and within what was measured."""
    ordered = sorted(latencies)
    true = ordered[max(0, -(-int(share * 1e9) * len(ordered) // 10**9) - 1)]
    found = quantile(sketched(latencies), share, fastest=ordered[0], slowest=ordered[-1])

    assert ordered[0] <= found <= ordered[-1]
    around = [latency for latency in ordered if abs(latency - true) <= 0.07 * true + 1]
    assert min(abs(found - latency) for latency in around) <= 0.032 * found + 0.5


@given(st.dictionaries(st.integers(0, 2000), st.integers(1, 10**9)), st.lists(numbers, max_size=3))
def test_counts_come_back(counts: dict[int, int], rest: list[int]):
    """Counts by number come back, and what stands behind them is left alone."""
    back, behind = unpack_counts([*pack_counts(counts), *rest])

    assert (back, [*behind]) == (counts, rest)


def test_no_quantile_of_nothing():
    """Where nothing succeeded there is no latency."""
    assert quantile({}, 0.5, fastest=0, slowest=0) == 0.0
    assert NOTHING.latency_ms(0.5) is None
    assert NOTHING.availability is None
    assert (NOTHING.probes, NOTHING.successes) == (0, 0)


def test_a_summary_counts_by_verdict():
    """Faults of ours count for nothing; latencies are those of successes alone."""
    found = summarised(Samples([0, 1, 2, 3], [10, 30, 9_000, 5], bytes([OK, 1, TIMEOUT, OURS])))

    assert (found.probes, found.successes, found.failures, found.faults) == (4, 2, 1, 1)
    assert found.availability == pytest.approx(2 / 3)
    assert (found.fastest, found.slowest, found.latency_ms(1.0)) == (10, 30, 3.0)


@given(st.lists(samples(most=8), min_size=1, max_size=5))
def test_sums_do_not_depend_on_how_they_are_made(parts: list[Samples]):
    """What many blocks come to is what all of their samples come to."""
    whole = Samples(
        [offset for part in parts for offset in part.offsets_ms],
        [latency for part in parts for latency in part.latencies],
        b"".join(bytes(part.codes) for part in parts),
    )

    assert added(map(summarised, parts)) == summarised(whole)


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


@pytest.mark.parametrize("data", [b"", b"\x02\x00", b"\x80"])
def test_a_block_with_damaged_data(data: bytes):
    """Data that are no samples and no sum are told when they are looked at, by both looks."""
    damaged = replace(block(), data=data)
    with pytest.raises(HistoryFormatError):
        damaged.summary()
    with pytest.raises(HistoryFormatError):
        damaged.samples()


payloads = st.binary(max_size=40)
records = st.lists(st.builds(Frame, st.sampled_from(Stream), st.integers(0, 2**64 - 1), payloads), max_size=6)


@given(records)
def test_frames_come_back(written: list[Frame]):
    """Frames come back in their order, one behind the other."""
    raw = b"".join(frame.to_bytes() for frame in written)
    found = list(frames(raw))

    assert [one.frame for one in found] == written
    assert [one.begin for one in found] == [0, *(one.end for one in found)][:-1]


@given(records, st.data())
def test_a_torn_end_costs_the_last_frame_alone(written: list[Frame], data: st.DataObject):
    """Wherever a file ends, the frames that are whole are read."""
    raw = b"".join(frame.to_bytes() for frame in written)
    end = data.draw(st.integers(0, len(raw)))
    whole = [one.frame for one in frames(raw) if one.end <= end]

    assert [one.frame for one in frames(raw[:end])] == whole


@given(records, st.data())
def test_damage_costs_the_damaged_frame_alone(written: list[Frame], data: st.DataObject):
    """A flipped byte costs the frame that it belongs to; those around it are read."""
    raw = bytearray(b"".join(frame.to_bytes() for frame in written))
    if not raw:
        return
    place = data.draw(st.integers(0, len(raw) - 1))
    untouched = [one.frame for one in frames(bytes(raw)) if not one.begin <= place < one.end]
    raw[place] ^= data.draw(st.integers(1, 255))

    assert [one.frame for one in frames(bytes(raw))] == untouched


def test_no_frame_is_too_large_or_of_an_unknown_stream():
    """A length or a stream that cannot be is damage."""
    large = Frame(Stream.BLOCKS, 1, bytes(PAYLOAD_BYTES_MAX + 1)).to_bytes()
    strange = bytearray(Frame(Stream.BLOCKS, 1, b"").to_bytes())
    strange[2] = 9

    assert not list(frames(large))
    assert not list(frames(bytes(strange)))


def test_records_come_back():
    """Origins, changes of health and evaluations come back as they were."""
    origin = Origin("us-1", "prober-1", "01JBOOT")
    record = EvaluationRecord(
        "failover", "checkout", "2026-01-12T09:31:07Z", "stay", "down", "why", inputs={"a": [1]}
    )

    assert Origin.from_bytes(origin.to_bytes()) == origin
    assert Origin.from_bytes(Origin("", "control", "b").to_bytes()).vantage == ""
    assert HealthTurn.from_bytes(turn().to_bytes()) == turn()
    assert EvaluationRecord.from_bytes(record.to_bytes()) == record


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        (Origin, b'{"vantage":"A b","prober":"p","boot":"b"}'),
        (Origin, b'{"vantage":"a","prober":"","boot":"b"}'),
        (Origin, b'{"vantage":"a","prober":"p","boot":"b/c"}'),
        (Origin, b'{"vantage":"a","prober":"p","boot":"' + b"b" * 65 + b'"}'),
        (Origin, b'{"vantage":"a","prober":"p"}'),
        (Origin, b"[]"),
        (Origin, b"["),
        (Origin, b"[" * 100_000),
        (HealthTurn, turn().to_bytes().replace(b"checkout-us-1", b"checkout us 1")),
        (HealthTurn, turn().to_bytes().replace(b'"us-east"', b'"US"')),
        (HealthTurn, turn().to_bytes().replace(b"1768210200000", b"true")),
        (HealthTurn, turn().to_bytes().replace(b"1768210200000", b"-1")),
        (HealthTurn, turn().to_bytes().replace(b"1768210200000", b"1e30")),
        (HealthTurn, turn().to_bytes().replace(b'"timeout"', b"7")),
        (HealthTurn, turn().to_bytes().replace(b'"timeout"', b'"' + b"x" * 501 + b'"')),
        (EvaluationRecord, b'{"kind":"failover"}'),
        (EvaluationRecord, b'{"nobody":"knows"}'),
    ],
)
def test_records_that_are_none(kind: type[Origin] | type[HealthTurn] | type[EvaluationRecord], raw: bytes):
    """What is not a record of its kind is told."""
    with pytest.raises(HistoryFormatError):
        kind.from_bytes(raw)


def test_every_record_has_a_name_of_its_own():
    """The trace id of a record follows from who wrote it and its number, and is no other record's."""
    origin = Origin("us-1", "prober-1", "boot1")
    named = [trace_id(origin, 1), trace_id(origin, 2), trace_id(replace(origin, boot="boot2"), 1)]

    assert len(set(named)) == 3
    assert named[0] == trace_id(origin, 1)
    assert all(len(name) == 32 for name in named)


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


def test_an_empty_summary_adds_nothing():
    """Adding nothing up is nothing."""
    assert added([]) == Summary(None, None, Counter(), Counter())
