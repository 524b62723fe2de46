"""The spool on a real disk: torn, killed, full, damaged, shared."""

import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from controlplane.adapters.spool import SegmentSpool
from controlplane.adapters.spool_segment import Segment
from controlplane.application.history_ingest import read_frames, read_upload
from controlplane.application.ports import SpoolUnavailable
from controlplane.application.ports.history import Upload
from controlplane.domain.history_block import pack_page
from controlplane.domain.history_frame import Frame, Stream
from controlplane.domain.history_records import Origin
from controlplane.domain.history_summary import added
from tests.probe_histories import NOW, block, series

PLENTY = 1024 * 1024
SEGMENT = 4 * 1024
BLOCKS, TURNS, WHYS = Stream.BLOCKS, Stream.TRANSITIONS, Stream.EVALUATIONS


def spool(
    folder: Path, *, boot: str = "boot1", bytes_max: int = PLENTY, segment: int = SEGMENT
) -> SegmentSpool:
    return SegmentSpool(
        folder, origin=Origin("us-1", "prober-1", boot), bytes_max=bytes_max, segment_bytes_max=segment
    )


@contextmanager
def opened(folder: Path, **more: object) -> Iterator[SegmentSpool]:
    """A spool that is closed at the end."""
    one = spool(folder, **more)  # type: ignore[arg-type]
    try:
        yield one
    finally:
        one.close()


def emptied(one: SegmentSpool) -> list[tuple[str, Frame]]:
    """Everything that waits, with the boot that wrote it."""
    found: list[tuple[str, Frame]] = []
    while batch := one.batch(PLENTY):
        origin, *records = read_frames(batch.body)
        boot = Origin.from_bytes(origin.payload).boot
        found += [(boot, record) for record in records]
        one.forget(batch)
    return found


def page(minute: int, instances: int = 20) -> bytes:
    """One minute of a small fleet whose latencies differ, so that no two blocks are the same bytes."""
    chance = Random(minute)
    return pack_page(
        [
            (series(f"checkout-{number}"), block(minute, latency=chance.randrange(10_000)))
            for number in range(instances)
        ]
    )


def test_what_a_former_process_left_is_sent_first(tmp_path: Path):
    """After a restart the records of the former boot come first, under its name; then ours, from 1."""
    with opened(tmp_path) as one:
        one.append(TURNS, [b"1", b"2"])
    with opened(tmp_path, boot="boot2") as two:
        two.append(TURNS, [b"3"])

        assert [(boot, one.sequence, one.payload) for boot, one in emptied(two)] == [
            ("boot1", 1, b"1"),
            ("boot1", 2, b"2"),
            ("boot2", 1, b"3"),
        ]
    assert list(tmp_path.iterdir()) == []


def test_what_was_taken_over_is_sent_again_only_after_a_restart(tmp_path: Path):
    """How far a segment was taken is not on disk: after a restart it is sent again, under its numbers."""
    with opened(tmp_path) as one:
        one.append(TURNS, [b"1", b"2"])
        batch = one.batch(1)
        assert batch is not None
        one.forget(batch)
        assert batch.last == 1
    with opened(tmp_path, boot="boot2") as two:
        assert [frame.sequence for _, frame in emptied(two)] == [1, 2]


def test_torn_at_every_byte(tmp_path: Path):
    """Wherever the last write was cut off, every record before it is there, and appending goes on."""
    folder = tmp_path / "spool"
    with opened(folder) as one:
        one.append(TURNS, [b"first", b"second"])
        (path,) = folder.iterdir()
        before = path.stat().st_size
        one.append(TURNS, [b"the last one"])
        whole = path.read_bytes()
    for end in range(len(whole) + 1):
        path.write_bytes(whole[:end])
        with opened(folder, boot="boot2") as two:
            two.append(TURNS, [b"new"])
            left = [frame.payload for _, frame in emptied(two)]
        assert left[-1] == b"new"
        expected = [b"first", b"second", b"the last one"] if end == len(whole) else [b"first", b"second"]
        assert left[:-1] == expected[: len(left) - 1]
        assert end < before or left[:2] == [b"first", b"second"]
        for other in folder.iterdir():
            other.unlink()


KILLED = """
import os, sys
from pathlib import Path
from controlplane.adapters.spool import SegmentSpool
from controlplane.domain.history_frame import Stream
from controlplane.domain.history_records import Origin
spool = SegmentSpool(
    Path(sys.argv[1]), origin=Origin("us-1", "prober-1", "killed"), bytes_max=1 << 20, segment_bytes_max=4096
)
for number in range(1, 1_000_000):
    spool.append(Stream.TRANSITIONS, [b"%d" % number])
    os.write(1, b"%d\\n" % number)
"""


def test_kill_9_loses_nothing_that_was_appended(tmp_path: Path):
    """A process that is killed while it writes leaves every record that `append` had answered for."""
    writer = subprocess.Popen([sys.executable, "-c", KILLED, tmp_path], stdout=subprocess.PIPE)
    assert writer.stdout is not None
    said = [int(writer.stdout.readline()) for _ in range(300)]
    writer.send_signal(signal.SIGKILL)
    said += [int(line) for line in writer.stdout.read().splitlines(keepends=True) if line.endswith(b"\n")]
    writer.wait()
    writer.stdout.close()

    with opened(tmp_path, boot="boot2") as one:
        left = [int(frame.payload) for _, frame in emptied(one)]
    assert left[: len(said)] == said
    assert left in (said, [*said, said[-1] + 1])


def test_a_folder_belongs_to_one_process(tmp_path: Path):
    """A second process is told, and takes over when the first one is gone."""
    with opened(tmp_path) as one:
        one.append(TURNS, [b"1"])
        other = spool(tmp_path, boot="boot2")
        with pytest.raises(SpoolUnavailable, match="used by another process"):
            other.batch(PLENTY)
    assert [frame.payload for _, frame in emptied(other)] == [b"1"]
    other.close()


def read(one: SegmentSpool) -> list[Upload]:
    """Everything that waits, as the control plane reads it."""
    found: list[Upload] = []
    while batch := one.batch(PLENTY):
        found.append(read_upload(batch.body))
        one.forget(batch)
    return found


def test_the_disk_is_bounded_and_samples_go_first(tmp_path: Path):
    """When it is full, the oldest samples become sums; every outcome still counts, and numbers still rise."""
    bytes_max, pages = 8 * SEGMENT, 150
    with opened(tmp_path, bytes_max=bytes_max) as one:
        for minute in range(pages):
            one.append(BLOCKS, [page(NOW + minute)])
            assert one.waiting_bytes() <= bytes_max
        assert sum(path.stat().st_size for path in tmp_path.iterdir()) == one.waiting_bytes()
        thinned = [path for path in tmp_path.iterdir() if path.suffix == ".thin"]
        found = [sent for upload in read(one) for sent in upload.pages]

    sequences = [sequence for sequence, _ in found]
    entries = [entry for _, entries in found for entry in entries]
    assert thinned
    assert sequences == sorted(set(sequences))
    assert added(one.summary() for _, one in entries).probes == pages * 20 * 3
    assert entries[0][1].samples() is not None, "the segment that is being sent keeps its samples"
    assert any(one.samples() is None for _, one in entries)
    assert entries[-1][1].samples() is not None


def test_then_the_oldest_blocks_go(tmp_path: Path):
    """When sums alone fill the disk, the oldest ones go; what is left is the newest, in order."""
    bytes_max = 6 * SEGMENT
    with opened(tmp_path, bytes_max=bytes_max) as one:
        for quarter in range(400):
            one.append(BLOCKS, [page(NOW + 15 * quarter)])
            assert one.waiting_bytes() <= bytes_max
        minutes = [
            entry[1].minute for upload in read(one) for _, entries in upload.pages for entry in entries
        ]

    assert minutes[-1] == NOW + 15 * 399
    assert minutes[0] > NOW
    assert minutes == sorted(minutes)


def test_changes_of_health_are_never_dropped(tmp_path: Path):
    """They push out blocks; when nothing else is left they go beyond the bound, and blocks are refused."""
    with opened(tmp_path, bytes_max=4 * SEGMENT) as one:
        for minute in range(8):
            one.append(BLOCKS, [page(NOW + minute)])
        for number in range(2_000):
            one.append(TURNS, [b"%d" % number])
        with pytest.raises(SpoolUnavailable, match="full"):
            one.append(BLOCKS, [page(NOW + 9)])
        left = [frame for _, frame in emptied(one)]
        one.append(BLOCKS, [page(NOW + 9)])

    turns = [frame.payload for frame in left if frame.stream is TURNS]
    assert turns == [b"%d" % number for number in range(2_000)]
    assert sum(len(frame.payload) for frame in left if frame.stream is BLOCKS) <= SEGMENT


def test_evaluations_are_bounded(tmp_path: Path):
    """The oldest evaluations make room for new ones."""
    with opened(tmp_path, bytes_max=4 * SEGMENT) as one:
        for number in range(100):
            one.append(WHYS, [b"%04d" % number * 250])
            assert one.waiting_bytes() <= 4 * SEGMENT
        left = [int(frame.payload[:4]) for _, frame in emptied(one)]

    assert left == list(range(left[0], 100))
    assert left[0] > 50


def test_a_batch_in_flight_survives_the_making_of_room(tmp_path: Path):
    """What was handed out is handed out again as it was, although the disk became full meanwhile."""
    with opened(tmp_path, bytes_max=8 * SEGMENT) as one:
        for minute in range(10):
            one.append(BLOCKS, [page(NOW + minute)])
        handed_out = one.batch(2_000)
        for minute in range(10, 30):
            one.append(BLOCKS, [page(NOW + minute)])
        again = one.batch(2_000)

    assert handed_out is not None
    assert again is not None
    assert again.body == handed_out.body


@pytest.mark.parametrize("left", [".new", "replaced"])
def test_a_process_that_died_while_it_made_room(tmp_path: Path, left: str):
    """Half a new file is nothing; a file that was replaced already counts no more."""
    with opened(tmp_path) as one:
        one.append(BLOCKS, [page(NOW), page(NOW + 1)])
    (path,) = tmp_path.iterdir()
    other = path.with_name(path.name + (".thin.new" if left == ".new" else ".thin"))
    other.write_bytes(path.read_bytes()[: 50 if left == ".new" else None])
    with opened(tmp_path, boot="boot2") as two:
        sent = [sequence for upload in read(two) for sequence, _ in upload.pages]

    assert sent == [1, 2]
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_page_does_not_stop_the_making_of_room(tmp_path: Path):
    """What is no page is passed over when samples are taken out; the pages around it stay."""
    with opened(tmp_path, bytes_max=8 * SEGMENT) as one:
        for minute in range(40):
            one.append(BLOCKS, [page(NOW + minute) if minute % 4 else b"damaged"])
        assert one.waiting_bytes() <= 8 * SEGMENT


def test_a_segment_without_its_origin_is_given_up(tmp_path: Path):
    """Records that nobody knows the writer of are of no use; the spool goes on with the next segment."""
    with opened(tmp_path) as one:
        one.append(TURNS, [b"1"])
    (path,) = tmp_path.iterdir()
    for damaged in (b"\x00" + path.read_bytes()[1:], Frame(Stream.ORIGIN, 0, b"{}").to_bytes(), b""):
        path.write_bytes(damaged + Frame(TURNS, 1, b"1").to_bytes())
        (tmp_path / "notes.txt").write_text("of somebody else")
        with opened(tmp_path, boot="boot2") as two:
            two.append(TURNS, [b"2"])
            assert [frame.payload for _, frame in emptied(two)] == [b"2"]
    assert (tmp_path / "notes.txt").exists()


def test_a_full_disk_keeps_all_or_nothing(tmp_path: Path):
    """What the disk does not take leaves no trace: tried again, it is there once, under the same numbers."""
    with opened(tmp_path) as one:
        one.append(TURNS, [b"1"])
        (path,) = tmp_path.iterdir()
        with file_size_limit(path.stat().st_size + 30), pytest.raises(SpoolUnavailable):
            one.append(TURNS, [b"2", b"3" * 100])
        one.append(TURNS, [b"2", b"3"])

        assert [(frame.sequence, frame.payload) for _, frame in emptied(one)] == [
            (1, b"1"),
            (2, b"2"),
            (3, b"3"),
        ]


def test_a_disk_without_room_for_a_new_segment(tmp_path: Path):
    """A segment that cannot be begun leaves nothing behind, and is begun when there is room."""
    with opened(tmp_path) as one:
        with file_size_limit(10), pytest.raises(SpoolUnavailable):
            one.append(TURNS, [b"1"])
        assert list(tmp_path.iterdir()) == []
        one.append(TURNS, [b"1"])
        assert [frame.sequence for _, frame in emptied(one)] == [1]


def test_where_samples_cannot_be_taken_out_blocks_go(tmp_path: Path):
    """A disk that takes no new file does not stop the making of room."""
    with opened(tmp_path, bytes_max=6 * SEGMENT) as one:
        for minute in range(6):
            one.append(BLOCKS, [page(NOW + minute)])
        largest = max(path.stat().st_size for path in tmp_path.iterdir())
        for path in tmp_path.iterdir():
            path.with_name(f"{path.name}.new").mkdir(exist_ok=True)
        for minute in range(6, 60):
            one.append(BLOCKS, [page(NOW + minute)])
        assert one.waiting_bytes() <= 6 * SEGMENT + largest


def test_a_folder_that_cannot_be_had(tmp_path: Path):
    """Where the folder cannot be made every call says so, and works as soon as it can."""
    (tmp_path / "taken").write_text("a file")
    one = spool(tmp_path / "taken" / "spool")
    for call in (lambda: one.append(TURNS, [b"1"]), one.sync, lambda: one.batch(1)):
        with pytest.raises(SpoolUnavailable, match="taken"):
            call()
    (tmp_path / "taken").unlink()
    one.append(TURNS, [b"1"])
    one.sync()
    assert len(emptied(one)) == 1
    one.close()


def test_only_the_segment_under_way_is_appended_to(tmp_path: Path):
    """A segment of a former process is never written to."""
    with opened(tmp_path) as one:
        one.append(TURNS, [b"1"])
    (path,) = tmp_path.iterdir()
    segment = Segment.found(path)
    assert segment is not None
    segment.end()
    with pytest.raises(ValueError, match="not under way"):
        segment.append([Frame(TURNS, 2, b"2")])


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """No file of this process may grow beyond this size, as on a disk that is full."""
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, former[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)
        signal.signal(signal.SIGXFSZ, ignored)
