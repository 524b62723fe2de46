"""What the control plane takes of an upload, and what it does not."""

import pytest

from controlplane.application.history_ingest import (
    AHEAD_MINUTES_MAX,
    ForeignVantage,
    HistoryIngest,
    first_kept_minute,
    read_upload,
)
from controlplane.application.ports import DatabaseUnavailable
from controlplane.application.ports.history import Stored
from controlplane.application.retention import Retention
from controlplane.domain.history_block import pack_page
from controlplane.domain.history_frame import Frame, Stream
from controlplane.domain.history_time import DAY_MINUTES, Resolution
from controlplane.domain.history_varint import HistoryFormatError
from tests.fakes.clock import FakeClock
from tests.fakes.history import FakeHistory
from tests.probe_histories import NOW, ORIGIN, SERIES, block, body, turn, upload

pytestmark = pytest.mark.looptime


@pytest.fixture
def history() -> FakeHistory:
    return FakeHistory()


@pytest.fixture
def ingest(history: FakeHistory) -> HistoryIngest:
    return HistoryIngest(history, FakeClock(), Retention(raw_days=30))


async def test_an_upload_is_stored_and_answered_for(ingest: HistoryIngest):
    """The answer says what was stored and what had been stored before."""
    sent = body(upload([(SERIES, block())], turns=[turn()]))

    assert (await ingest.take(sent, vantage="us-1")).stored == Stored(turns=1, blocks=1)
    assert (await ingest.take(sent, vantage="us-1")).stored == Stored(repeated=2)


async def test_nobody_speaks_for_another_vantage(ingest: HistoryIngest, history: FakeHistory):
    """A batch of another vantage is refused, and nothing of it is stored."""
    with pytest.raises(ForeignVantage, match="uploads for eu-1, not for us-1"):
        await ingest.take(body(upload([(SERIES, block())])), vantage="eu-1")
    assert history.days == set()


async def test_days_that_nobody_keeps_are_skipped(ingest: HistoryIngest, history: FakeHistory):
    """Blocks older than the retention, or more than a day ahead, are counted and left out."""
    oldest = first_kept_minute(NOW, 30)
    minutes = [oldest - 1, oldest, NOW, NOW + AHEAD_MINUTES_MAX, NOW + AHEAD_MINUTES_MAX + 1]
    taken = await ingest.take(body(upload([(SERIES, block(minute)) for minute in minutes])), vantage="us-1")
    found = await history.blocks(Resolution.RAW, [1], 0, 2 * NOW, limit=10)

    assert (taken.stored.blocks, taken.skipped_blocks) == (3, 2)
    assert [one.minute for _, one in found] == minutes[1:4]
    assert oldest % DAY_MINUTES == 0


async def test_while_postgresql_is_away_nothing_is_taken(ingest: HistoryIngest, history: FakeHistory):
    """The sender is told, and keeps what it has."""
    history.away = True
    with pytest.raises(DatabaseUnavailable):
        await ingest.take(body(upload([(SERIES, block())])), vantage="us-1")


GOOD = body(upload([(SERIES, block())], turns=[turn()]))
ORIGIN_FRAME = Frame(Stream.ORIGIN, 0, ORIGIN.to_bytes()).to_bytes()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n".join([GOOD, b""]),
        GOOD[:-1],
        b"x" + GOOD,
        GOOD[:60] + bytes([GOOD[60] ^ 1]) + GOOD[61:],
        GOOD[len(ORIGIN_FRAME) :],
        Frame(Stream.ORIGIN, 0, b"{}").to_bytes(),
        ORIGIN_FRAME + Frame(Stream.EVALUATIONS, 1, b"{}").to_bytes(),
        ORIGIN_FRAME + ORIGIN_FRAME,
        ORIGIN_FRAME + Frame(Stream.TRANSITIONS, 1, b"{}").to_bytes(),
        ORIGIN_FRAME + Frame(Stream.BLOCKS, 1, pack_page([])[:-1]).to_bytes(),
    ],
)
def test_what_is_no_upload(raw: bytes):
    """What is damaged, has something between its frames, or is no history of probes is told."""
    with pytest.raises(HistoryFormatError):
        read_upload(raw)
