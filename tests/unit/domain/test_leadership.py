"""The pure part of the lease."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.domain.leadership import (
    READ_GAP_SECONDS_MAX,
    SILENCE_SECONDS,
    LeaderRecord,
    LeaderRecordError,
    SilenceRun,
    deposed,
    listen,
    may_decide,
    parse_leader,
)

RECORD = LeaderRecord(holder="h-1", term=3, api="http://127.0.0.1:8600", beat=7)


def run_of(*reads: tuple[float, int] | None) -> SilenceRun | None:
    """The run after reads `(answered, modify_index)`, each sent 10 ms before; None is a failed read."""
    run = None
    for read in reads:
        answered, index = read or (0.0, 0)
        run = listen(run, modify_index=index, sent=answered - 0.01, answered=answered) if read else None
    return run


def is_silence(*reads: tuple[float, int] | None) -> bool:
    """Whether the leader may be taken to be gone after these reads."""
    run = run_of(*reads)
    return run is not None and run.is_silence


def every(seconds: float, *, start: float = 0.0, count: int = 9, index: int = 5) -> list[tuple[float, int]]:
    """Reads at even times."""
    return [(start + number * seconds, index) for number in range(count)]


def test_the_form_in_the_store():
    """The record says who leads which term, where its API is, and carries a beat."""
    assert (
        RECORD.to_bytes() == b'{"api":"http://127.0.0.1:8600","beat":7,"holder":"h-1","log_bytes":0,"term":3}'
    )
    assert parse_leader(RECORD.to_bytes()) == RECORD


def test_a_renewal_changes_the_bytes():
    """Every renewal raises the beat, because Consul does not touch a key whose bytes are equal."""
    assert RECORD.renewed().to_bytes() != RECORD.to_bytes()
    assert RECORD.renewed().beat == 8


def test_a_release_leaves_the_seat_vacant():
    """A released lease keeps its term, and anybody may take it at once."""
    released = RECORD.released()

    assert released.vacant
    assert not RECORD.vacant
    assert (released.term, released.api) == (3, "")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b'{"holder":"h","term":"x","api":"","beat":1}',
        b'{"holder":"h","term":1,"api":"","beat":1e999}',
        b"\xff",
    ],
)
def test_unreadable_records(raw):
    """Bytes that are no leader record are an error."""
    with pytest.raises(LeaderRecordError, match=r"^leader: "):
        parse_leader(raw)


def test_four_seconds_of_one_index_are_silence():
    """Reads of one index over four seconds are silence, and not a moment less."""
    assert not is_silence(*every(0.5, count=9))  # the last one was sent 10 ms before the fourth second
    assert is_silence(*every(0.5, count=10))


def test_a_beat_starts_the_run_again():
    """A leader that renews even once in four seconds is not silent."""
    reads = [*every(0.5, count=8), *every(0.5, start=4.0, count=8, index=6)]

    assert not is_silence(*reads)


def test_a_failed_read_starts_the_run_again():
    """An outage of Consul is no silence of the leader: after it the leader has the whole time to renew."""
    reads = [*every(0.5, count=8), None, *every(0.5, start=4.5, count=8)]

    assert not is_silence(*reads)


@pytest.mark.parametrize(("gap", "expected"), [(READ_GAP_SECONDS_MAX, True), (1.001, False)])
def test_reads_too_far_apart_start_the_run_again(gap, expected):
    """Reads further apart than a second, be it by a late answer or by a late reader, are no unbroken run."""
    reads = [(0.0, 5), (0.5, 5), (0.5 + gap, 5), *every(0.5, start=1.0 + gap, count=6)]

    assert is_silence(*reads) is expected


def test_a_slow_read_covers_only_to_its_sending():
    """What a read shows held when it was sent at the earliest: the time of its answer proves nothing."""
    run = listen(None, modify_index=5, sent=-0.9, answered=0.0)
    for number in range(1, 5):
        run = listen(run, modify_index=5, sent=number - 0.9, answered=float(number))

    assert run.covered == pytest.approx(3.1)
    assert not run.is_silence


@given(st.lists(st.tuples(st.floats(0.01, 3.0), st.integers(5, 6) | st.none()), max_size=40))
def test_silence_is_always_four_unbroken_seconds(steps):
    """Whatever happens, silence means four seconds of successful reads of one index without a gap."""
    reads, answered = [], 0.0
    for seconds, index in steps:
        answered += seconds
        reads.append((answered, index) if index else None)
    run = run_of(*reads)
    if run is None or not run.is_silence:
        return
    tail: list[tuple[float, int]] = []
    for read in reversed(reads):
        if (
            read is None
            or read[1] != run.modify_index
            or (tail and tail[-1][0] - read[0] > READ_GAP_SECONDS_MAX)
        ):
            break
        tail.append(read)
    assert tail[0][0] - tail[-1][0] >= SILENCE_SECONDS


@pytest.mark.parametrize(
    ("age", "expected"), [(0.0, True), (2.0, True), (2.001, False), (float("inf"), False)]
)
def test_who_may_decide(age, expected):
    """A leader decides for two seconds after it sent its last successful renewal."""
    assert may_decide(age) is expected


@pytest.mark.parametrize(
    ("found", "found_term", "expected"),
    [
        (RECORD, 3, None),
        (RECORD.renewed(), 3, None),
        (RECORD, 4, "the term is 4, this leader's is 3"),
        (RECORD, 2, "the term is 2, this leader's is 3"),
        (None, 3, "the leader key is gone"),
        (LeaderRecord("h-2", 3, "", 1), 3, "h-2 holds the lease"),
        (RECORD.released(), 3, "nobody holds the lease"),
    ],
)
def test_deposed(found, found_term, expected):
    """A leader steps down for another holder, and for any other term: a lower one means Consul went back."""
    assert deposed(holder="h-1", term=3, found=found, found_term=found_term) == expected
