"""Frames and records come back from bytes as they went in; what is torn or damaged costs itself alone."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.domain.history_frame import HEAD_BYTES, PAYLOAD_BYTES_MAX, Frame, Stream, frames
from controlplane.domain.history_records import EvaluationRecord, HealthTurn, Origin, trace_id
from controlplane.domain.history_varint import HistoryFormatError
from tests.probe_histories import turn

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


def test_a_file_that_ends_within_a_head():
    """What is too short for the head of a frame is passed over."""
    first, second = (Frame(Stream.BLOCKS, number, b"x") for number in (1, 2))
    raw = first.to_bytes() + second.to_bytes()[: HEAD_BYTES - 1]

    assert [one.frame for one in frames(raw)] == [first]


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


EVALUATION = EvaluationRecord(
    "failover", "checkout", "", "stay", "min_healthy", "why", inputs={"share": 0.5}
).to_bytes()


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
        (EvaluationRecord, EVALUATION.replace(b'"why"', b"7")),
        (EvaluationRecord, EVALUATION.replace(b"null", b"7")),
        (EvaluationRecord, EVALUATION.replace(b"0.5", b"NaN")),
        (EvaluationRecord, EVALUATION.replace(b"0.5", b"-Infinity")),
        (EvaluationRecord, EVALUATION.replace(b'{"share":0.5}', b"[]")),
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
