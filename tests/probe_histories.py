"""Owns history that tests make up: blocks, changes of health, uploads of them, and questions about them."""

from collections.abc import Iterable, Sequence

from controlplane.application.history_reading import Span, Timelines
from controlplane.application.history_views import InstanceHistoryView, TimelineView
from controlplane.application.ports.history import Upload, Whose
from controlplane.domain.history_block import Block, Entry, Series, block_of_samples, pack_page
from controlplane.domain.history_frame import Frame, Stream
from controlplane.domain.history_records import HealthTurn, Origin
from controlplane.domain.history_samples import Samples
from controlplane.domain.history_time import Resolution, milliseconds_of, minute_of, moment_of
from tests.fakes.clock import EPOCH

NOW = minute_of(EPOCH)
"""The minute in which fake clocks start."""
ORIGIN = Origin("us-1", "prober-1", "boot1")
OK, TIMEOUT, OURS = 0, 22, 130
SERIES = Series("checkout", "us-east", "checkout-us-1", "api")
INSTANCE = Whose(instance=SERIES.instance)
CELL = Whose(service=SERIES.service, region=SERIES.region)


def series(
    instance: str = SERIES.instance, *, check: str = SERIES.check, region: str = SERIES.region
) -> Series:
    return Series(SERIES.service, region, instance, check)


def block(minute: int = NOW, *, codes: Iterable[int] = (OK, OK, TIMEOUT), latency: int = 32) -> Block:
    """A block of probes five seconds apart, each 0.1 ms slower than the one before."""
    found = bytes(codes)
    return block_of_samples(
        minute,
        Samples(
            [5_000 * place for place in range(len(found))],
            [latency + place for place in range(len(found))],
            found,
        ),
    )


def turn(
    before: str = "up",
    after: str = "down",
    *,
    seconds: float = 0.0,
    instance: str = SERIES.instance,
    region: str = SERIES.region,
) -> HealthTurn:
    """A change of health, so many seconds after fake clocks start."""
    return HealthTurn(
        service=SERIES.service,
        region=region,
        instance=instance,
        at_ms=milliseconds_of(EPOCH) + int(seconds * 1000),
        before=before,
        after=after,
        reason="timeout",
        check="api",
        detail="no answer within 1 s",
    )


def upload(
    *pages: Sequence[Entry], first: int = 1, turns: Sequence[HealthTurn] = (), origin: Origin = ORIGIN
) -> Upload:
    """An upload whose records are numbered from `first`."""
    return Upload(origin, [*enumerate(turns, first)], [*enumerate(pages, first)])


def body(sent: Upload) -> bytes:
    """The bytes of an upload."""
    records = [
        Frame(Stream.ORIGIN, 0, sent.origin.to_bytes()),
        *(Frame(Stream.TRANSITIONS, sequence, one.to_bytes()) for sequence, one in sent.turns),
        *(Frame(Stream.BLOCKS, sequence, pack_page(page)) for sequence, page in sent.pages),
    ]
    return b"".join(record.to_bytes() for record in records)


def span(first: int = NOW, last: int = NOW + 60, resolution: Resolution = Resolution.MINUTE) -> Span:
    """From one minute to another one."""
    return Span(moment_of(first), moment_of(last), resolution)


async def told(timelines: Timelines, whose: Whose, asked: Span) -> TimelineView:
    """The timeline of an instance that is known."""
    found = await timelines.instance(whose, asked)
    assert isinstance(found, InstanceHistoryView)
    return found.timeline
