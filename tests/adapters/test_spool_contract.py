"""What every `Spool` keeps, on one in memory and on a real disk."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from controlplane.adapters.spool import SegmentSpool
from controlplane.application.history_ingest import read_frames
from controlplane.application.ports.history import Batch, Spool
from controlplane.domain.history_frame import Frame, Stream
from tests.fakes.spool import FakeSpool
from tests.probe_histories import ORIGIN

PLENTY = 1024 * 1024
BLOCKS, TURNS, WHYS = Stream.BLOCKS, Stream.TRANSITIONS, Stream.EVALUATIONS


@pytest.fixture(params=["fake", "disk"])
def spool(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Spool]:
    if request.param == "fake":
        yield FakeSpool(ORIGIN)
        return
    segments = SegmentSpool(tmp_path / "spool", origin=ORIGIN, bytes_max=PLENTY, segment_bytes_max=200)
    yield segments
    segments.close()


def frames_of(batch: Batch) -> list[Frame]:
    """What a batch holds, behind its origin."""
    origin, *records = read_frames(batch.body)
    assert (origin.stream, origin.payload) == (Stream.ORIGIN, ORIGIN.to_bytes())
    assert (batch.frames, batch.last) == (len(records), records[-1].sequence)
    assert {record.stream for record in records} == {batch.stream}
    return records


def emptied(spool: Spool, bytes_max: int = PLENTY) -> list[Frame]:
    """Everything that waits, in the order in which it is handed out."""
    found: list[Frame] = []
    while batch := spool.batch(bytes_max):
        found += frames_of(batch)
        spool.forget(batch)
    return found


def test_what_is_appended_waits_in_order(spool: Spool):
    """Records are numbered from 1 and come out as they went in, however they are divided."""
    spool.append(BLOCKS, [b"a", b"b"])
    spool.append(BLOCKS, [b"c" * 300])
    spool.append(BLOCKS, [b"d"])
    spool.sync()

    assert [(one.sequence, one.payload[:1]) for one in emptied(spool)] == [
        (1, b"a"),
        (2, b"b"),
        (3, b"c"),
        (4, b"d"),
    ]
    assert spool.batch(PLENTY) is None


def test_changes_of_health_go_first(spool: Spool):
    """After an outage what matters most is sent before the rest; each stream has its own numbers."""
    spool.append(BLOCKS, [b"block"])
    spool.append(WHYS, [b"why"])
    spool.append(TURNS, [b"turn"])

    assert [(one.stream, one.sequence) for one in emptied(spool)] == [(TURNS, 1), (WHYS, 1), (BLOCKS, 1)]


def test_a_batch_is_handed_out_until_it_is_forgotten(spool: Spool):
    """Asking again answers the same bytes, so that what is sent again is known."""
    spool.append(BLOCKS, [b"a", b"b"])
    first = spool.batch(PLENTY)
    spool.append(BLOCKS, [b"c"])
    assert first is not None
    assert (again := spool.batch(len(first.body))) is not None
    assert again.body == first.body

    spool.forget(first)
    assert [one.payload for one in emptied(spool)] == [b"c"]
    spool.forget(first)
    assert emptied(spool) == []


def test_a_batch_has_a_size_and_one_frame_at_least(spool: Spool):
    """Batches end before they are too large; a record that is larger alone is a batch."""
    spool.append(BLOCKS, [b"x" * 50, b"y" * 50, b"z" * 50])
    assert [one.sequence for one in emptied(spool, bytes_max=1)] == [1, 2, 3]

    spool.append(BLOCKS, [b"x" * 10] * 6)
    batch = spool.batch(200)
    assert batch is not None
    assert 1 < batch.frames < 6
    assert len(batch.body) <= 200


def test_nothing_is_appended_to_nothing(spool: Spool):
    """An empty list is no record."""
    spool.append(BLOCKS, [])
    assert spool.batch(PLENTY) is None


def test_what_waits_is_measured(spool: Spool):
    """Who waits for room sees how much is taken, and that it is given back."""
    before = spool.waiting_bytes()
    spool.append(BLOCKS, [b"x" * 1000])
    spool.append(BLOCKS, [b"y" * 1000])
    full = spool.waiting_bytes()
    emptied(spool)

    assert full >= before + 2000
    assert spool.waiting_bytes() < full
