"""Samples and their sums come back from bytes as they went in; what is no history is told."""

from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from controlplane.domain.history_block import block_of_samples
from controlplane.domain.history_reasons import REASON_CODES, code_of, reason_of, verdict_of
from controlplane.domain.history_samples import (
    LATENCY_MAX,
    SAMPLES_MAX,
    Samples,
    pack_samples,
    unpack_samples,
)
from controlplane.domain.history_sketch import pack_counts, quantile, sketched, unpack_counts
from controlplane.domain.history_summary import NOTHING, Summary, added, summarised
from controlplane.domain.history_varint import HistoryFormatError, folded, packed, unfolded, unpacked
from controlplane.domain.outcome import Outcome, Reason, Verdict
from tests.probe_histories import NOW, OK, OURS, TIMEOUT
from tests.unit.domain.history_strategies import numbers, samples


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
    back, behind = unpack_counts([*pack_counts(counts), *rest], keys_below=2001)

    assert (back, [*behind]) == (counts, rest)


def test_no_quantile_of_nothing():
    """Where nothing succeeded there is no latency."""
    assert quantile({}, 0.5, fastest=0, slowest=0) == 0.0
    assert NOTHING.latency_ms(0.5) is None
    assert (NOTHING.probes, NOTHING.successes) == (0, 0)


def test_a_summary_counts_by_verdict():
    """Faults of ours count for nothing; latencies are those of successes alone."""
    found = summarised(Samples([0, 1, 2, 3], [10, 30, 9_000, 5], bytes([OK, 1, TIMEOUT, OURS])))

    assert (found.probes, found.successes, found.failures, found.faults) == (4, 2, 1, 1)
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


def test_an_empty_summary_adds_nothing():
    """Adding nothing up is nothing."""
    assert added([]) == Summary(None, None, Counter(), Counter())
