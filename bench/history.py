"""What a probe costs in history: packed blocks as the product stores them, beside rows by a bare COPY.

Half an hour of 1,000 checks goes the product's own way: blocks packed into pages, pages to a spool on disk,
batches of it through the ingest into a private PostgreSQL, with its indexes and its TOAST. In the same run
the same probes go, a row each, by binary COPY into a table with an index for the same question. Ingest is
measured from the spool, and from rows in memory, until all is committed; sizes are those of the files.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import psycopg

from bench import _history_bare as bare
from bench._harness import Row, options, present
from bench._history_load import Found, Load, series
from bench._postgres import PrivatePostgres, private_postgres
from controlplane.adapters.clock import SystemClock
from controlplane.adapters.postgres.history_store import PostgresProbeHistory
from controlplane.adapters.postgres.session import Database
from controlplane.adapters.spool import SegmentSpool
from controlplane.application.history_ingest import HistoryIngest
from controlplane.application.history_uploading import UPLOAD_BYTES_MAX
from controlplane.application.history_writing import BLOCKS_PER_STEP
from controlplane.application.retention import Retention
from controlplane.domain.history_block import block_of_samples, pack_page
from controlplane.domain.history_frame import Stream
from controlplane.domain.history_records import Origin
from controlplane.domain.history_time import Resolution, floor_to, minute_of

RUNS = 3
INTERVALS_SECONDS = (2, 5)
AGO_MINUTES = 120
SPOOL_BYTES_MAX = 1024 * 1024 * 1024
ORIGIN = Origin("us-1", "prober-1", "boot1")
SIZE_RATIO_MAX = 0.25
"""Of a probe on disk against its row."""
MILLION = 1_000_000

BENCH, BARE, MINUTE_ROWS = "history", "bare COPY", "minute rollup"
_SIZES = """
    SELECT sum(pg_relation_size(relid)), sum(pg_indexes_size(relid)), sum(pg_total_relation_size(relid))
    FROM (SELECT '{table}'::regclass AS relid UNION SELECT relid FROM pg_partition_tree('{table}')) AS parts
"""


@dataclass(slots=True)
class Effort:
    """What some work came to; filled in when the block of `measured` is left."""

    seconds: float = 0.0
    client_cpu_seconds: float = 0.0
    server_cpu_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Sizes:
    """Of a table, in bytes."""

    heap: int
    indexes: int
    total: int
    """With TOAST and the maps of free space."""


@dataclass(slots=True)
class Figures:
    """What one run of one load showed."""

    load: Load
    packing: Effort = field(default_factory=Effort)
    ingest: Effort = field(default_factory=Effort)
    copying: Effort = field(default_factory=Effort)
    spooled_bytes: int = 0
    blocks: Sizes = field(default_factory=lambda: Sizes(0, 0, 0))
    bare_rows: Sizes = field(default_factory=lambda: Sizes(0, 0, 0))
    minute_rows: Sizes = field(default_factory=lambda: Sizes(0, 0, 0))


def one_run(load: Load) -> Figures:
    """Store a load both ways, on a fresh server."""
    figures = Figures(load)
    with private_postgres() as postgres, TemporaryDirectory(prefix="bench-spool-") as folder:
        spool = SegmentSpool(Path(folder), origin=ORIGIN, bytes_max=SPOOL_BYTES_MAX)
        found = load.found()
        with measured(postgres) as figures.packing:
            spooled(spool, found)
        figures.spooled_bytes = spool.waiting_bytes()
        asyncio.run(ingested(spool, postgres, figures))
        with psycopg.connect(postgres.url, autocommit=True) as connection:
            figures.blocks = sizes(connection, "probe_blocks")
            store_bare(connection, postgres, figures)
    return figures


def spooled(spool: SegmentSpool, found: Sequence[Found]) -> None:
    """Bring probes to disk as a prober does: a block a minute and check, blocks in pages, page after page."""
    for minute, checks in found:
        entries = [
            (series(number), block_of_samples(minute, samples)) for number, samples in enumerate(checks)
        ]
        for start in range(0, len(entries), BLOCKS_PER_STEP):
            spool.append(Stream.BLOCKS, [pack_page(entries[start : start + BLOCKS_PER_STEP])])
    spool.sync()


async def ingested(spool: SegmentSpool, postgres: PrivatePostgres, figures: Figures) -> None:
    """Take in all that the spool holds, as the control plane does, a batch at a time.

    Raises:
        RuntimeError: what was stored is not what was spooled.
    """
    database = Database(postgres.url)
    ingest = HistoryIngest(PostgresProbeHistory(database), SystemClock(), Retention())
    stored = 0
    with measured(postgres) as figures.ingest:
        while batch := spool.batch(UPLOAD_BYTES_MAX):
            taken = await ingest.take(batch.body, vantage=ORIGIN.vantage)
            stored += taken.stored.blocks
            spool.forget(batch)
    await database.close()
    if stored != figures.load.blocks:
        raise RuntimeError(f"{stored} blocks were stored")


def store_bare(connection: psycopg.Connection, postgres: PrivatePostgres, figures: Figures) -> None:
    """Store the same probes as rows, then a row a minute of them."""
    probes = bare.rows(figures.load)
    bare.create(connection)
    with measured(postgres) as figures.copying:
        bare.copy(connection, probes)
    bare.add_up(connection)
    figures.bare_rows = sizes(connection, "bare_probes")
    figures.minute_rows = sizes(connection, "bare_minutes")


def sizes(connection: psycopg.Connection, table: str) -> Sizes:
    """How large a table and its partitions are, with everything that belongs to them."""
    heap, indexes, total = connection.execute(_SIZES.format(table=table).encode()).fetchall()[0]
    return Sizes(int(heap), int(indexes), int(total))


@contextmanager
def measured(postgres: PrivatePostgres) -> Iterator[Effort]:
    """Take the time of a `with` block, and the processor's, here and in PostgreSQL."""
    effort = Effort()
    server, client, began = postgres.cpu_seconds(), time.process_time(), time.perf_counter()
    yield effort
    effort.seconds = time.perf_counter() - began
    effort.client_cpu_seconds = time.process_time() - client
    effort.server_cpu_seconds = postgres.cpu_seconds() - server


# ── the table ──

Figure = Callable[[Figures], float]


@dataclass(frozen=True, slots=True)
class Line:
    """A figure of ours, and the same of who is measured beside it."""

    what: str
    unit: str
    ours: Figure
    peer: str | None = None
    theirs: Figure | None = None


def _per_million(effort: Callable[[Figures], float]) -> Figure:
    return lambda one: effort(one) / one.load.probes * MILLION


STORED = "stored"
LINES = (
    Line(
        STORED,
        "bytes/probe",
        lambda one: one.blocks.total / one.load.probes,
        BARE,
        lambda one: one.bare_rows.total / one.load.probes,
    ),
    Line(
        "of these indexes",
        "bytes/probe",
        lambda one: one.blocks.indexes / one.load.probes,
        BARE,
        lambda one: one.bare_rows.indexes / one.load.probes,
    ),
    Line(
        "a minute of a check",
        "bytes",
        lambda one: one.blocks.total / one.load.blocks,
        MINUTE_ROWS,
        lambda one: one.minute_rows.total / one.load.blocks,
    ),
    Line("spooled and uploaded", "bytes/probe", lambda one: one.spooled_bytes / one.load.probes),
    Line(
        "ingest",
        "probes/s",
        lambda one: one.load.probes / one.ingest.seconds,
        BARE,
        lambda one: one.load.probes / one.copying.seconds,
    ),
    Line(
        "ingest, control",
        "CPU-s per million",
        _per_million(lambda one: one.ingest.client_cpu_seconds),
        BARE,
        _per_million(lambda one: one.copying.client_cpu_seconds),
    ),
    Line(
        "ingest, PostgreSQL",
        "CPU-s per million",
        _per_million(lambda one: one.ingest.server_cpu_seconds),
        BARE,
        _per_million(lambda one: one.copying.server_cpu_seconds),
    ),
    Line(
        "packing and spooling, prober",
        "CPU-s per million",
        _per_million(lambda one: one.packing.client_cpu_seconds),
    ),
)


def rows(runs: Sequence[Figures]) -> list[Row]:
    """The table of one load: medians over the runs, ratios within each run."""
    every = f"every {runs[0].load.interval_seconds} s"
    table = []
    for line in LINES:
        ratios = [line.ours(run) / line.theirs(run) for run in runs if line.theirs]
        value = median(map(line.ours, runs))
        ratio = median(ratios) if ratios else None
        table.append(_row(f"{every}: {line.what}", value, line.unit, len(runs), peer=line.peer, ratio=ratio))
        if line.theirs:
            case = f"{every}: {line.what}, {line.peer}"
            table.append(_row(case, median(map(line.theirs, runs)), line.unit, len(runs)))
    return table


def _row(
    case: str, value: float, unit: str, runs: int, *, peer: str | None = None, ratio: float | None = None
) -> Row:
    return Row(bench=BENCH, case=case, value=value, unit=unit, peer=peer, ratio=ratio, runs=runs)


def main() -> None:
    """Measure, print, and say whether the target is met."""
    json_file = options("what a probe costs in history: packed blocks beside a bare COPY of rows")
    first = floor_to(minute_of(SystemClock().now()) - AGO_MINUTES, Resolution.HOUR)
    table: list[Row] = []
    for interval in INTERVALS_SECONDS:
        table += rows([one_run(Load(interval, first)) for _ in range(RUNS)])
    present(table, json_file)
    ratios = [row.ratio for row in table if row.case.endswith(f": {STORED}") and row.ratio is not None]
    verdict = "met" if max(ratios) <= SIZE_RATIO_MAX else "MISSED"
    print(f"target, a probe takes at most {SIZE_RATIO_MAX:g} of its row: {verdict}")


if __name__ == "__main__":
    main()
