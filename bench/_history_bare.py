"""Owns the plain way of keeping probes that `bench.history` compares with: a row each, and a row a minute."""

from collections.abc import Iterator, Sequence
from datetime import datetime

import psycopg

from bench._history_load import Load
from controlplane.domain.history_reasons import FAILURES_FROM
from controlplane.domain.history_samples import LATENCY_STEPS_PER_MS
from controlplane.domain.history_time import moment_of

COPY_ROWS = 10_000
"""In each transaction; a thousand are half as fast."""

_TABLE = """
    CREATE TABLE bare_probes (
        at timestamptz NOT NULL, series int4 NOT NULL, latency_ms float4 NOT NULL, code int2 NOT NULL
    );
    CREATE INDEX ON bare_probes (series, at);
    CREATE TABLE bare_minutes (
        series int4, minute timestamptz, probes int4, failures int4,
        fastest float4, slowest float4, mean float4, PRIMARY KEY (series, minute)
    );
"""
_COPY = "COPY bare_probes (at, series, latency_ms, code) FROM STDIN (FORMAT BINARY)"
_TYPES = ("timestamptz", "int4", "float4", "int2")
_MINUTES = """
    INSERT INTO bare_minutes
    SELECT series, date_trunc('minute', at), count(*), count(*) FILTER (WHERE code >= {failures_from}),
        min(latency_ms), max(latency_ms), avg(latency_ms)
    FROM bare_probes GROUP BY 1, 2 ORDER BY 2, 1
"""

BareRow = tuple[datetime, int, float, int]


def rows(load: Load) -> list[BareRow]:
    """The probes of a load, in the order of their minutes."""
    return [
        (moment_of(minute, milliseconds=offset), number, latency / LATENCY_STEPS_PER_MS, code)
        for minute, checks in load.found()
        for number, samples in enumerate(checks)
        for offset, latency, code in zip(samples.offsets_ms, samples.latencies, samples.codes, strict=True)
    ]


def create(connection: psycopg.Connection) -> None:
    """Make the tables."""
    connection.execute(_TABLE)


def copy(connection: psycopg.Connection, probes: Sequence[BareRow]) -> None:
    """Store rows by binary COPY, some thousand in a transaction."""
    for batch in _batches(probes):
        with connection.transaction(), connection.cursor().copy(_COPY) as stream:
            stream.set_types(_TYPES)
            for row in batch:
                stream.write_row(row)


def add_up(connection: psycopg.Connection) -> None:
    """Make a row a minute of them."""
    connection.execute(_MINUTES.format(failures_from=FAILURES_FROM).encode())


def _batches(probes: Sequence[BareRow]) -> Iterator[Sequence[BareRow]]:
    for start in range(0, len(probes), COPY_ROWS):
        yield probes[start : start + COPY_ROWS]
