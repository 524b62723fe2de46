"""Owns the schema of history: blocks, rollups, changes of health, evaluations.

Times are whole minutes since 1970 where there are millions of rows: four bytes, and exact.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    func,
)

from controlplane.adapters.postgres.tables import metadata

__all__ = [
    "evaluations",
    "health_transitions",
    "metadata",
    "probe_blocks",
    "probe_rollups_daily",
    "probe_rollups_hourly",
    "probe_series",
    "probe_uploads",
    "rollup_marks",
]

_MINUTES = "Minutes since 1970, UTC."
_STEPS = "Of the successes, in steps of 0.1 ms."

probe_series = Table(
    "probe_series",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("vantage", Text, nullable=False),
    Column("service", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("instance", Text, nullable=False, index=True),
    Column("check", Text, nullable=False),
    Column("seen_day", Integer, nullable=False, comment="First minute of the last day with blocks."),
    UniqueConstraint("vantage", "service", "region", "instance", "check"),
    Index(None, "service", "region"),
    comment="One row for each check of each instance as each vantage sees it; blocks name it by number.",
)

probe_blocks = Table(
    "probe_blocks",
    metadata,
    Column("minute", Integer, nullable=False, comment=_MINUTES),
    Column("series", Integer, nullable=False, index=True),
    Column("fastest", Integer, comment=_STEPS),
    Column("slowest", Integer),
    Column("probes", SmallInteger, nullable=False),
    Column("failures", SmallInteger, nullable=False),
    Column("faults", SmallInteger, nullable=False, comment="Of ours: they say nothing of the target."),
    Column("data", LargeBinary, nullable=False, comment="Packed samples, or their sum."),
    Index(None, "minute", postgresql_using="brin"),
    postgresql_partition_by="RANGE (minute)",
    comment="What one check found in one minute. A partition a day; the order of columns saves padding.",
)


def _rollups(name: str) -> Table:
    return Table(
        name,
        metadata,
        Column("series", Integer, primary_key=True, autoincrement=False),
        Column("start", Integer, primary_key=True, autoincrement=False, comment=_MINUTES),
        Column("fastest", Integer, comment=_STEPS),
        Column("slowest", Integer),
        Column("probes", Integer, nullable=False),
        Column("failures", Integer, nullable=False),
        Column("faults", Integer, nullable=False),
        Column("data", LargeBinary, nullable=False, comment="Counts by reason, and of latencies."),
        Index(None, "start", postgresql_using="brin"),
    )


probe_rollups_hourly = _rollups("probe_rollups_hourly")
probe_rollups_daily = _rollups("probe_rollups_daily")

rollup_marks = Table(
    "rollup_marks",
    metadata,
    Column("resolution", Text, primary_key=True),
    Column("start", Integer, primary_key=True, autoincrement=False, comment=_MINUTES),
    Column("touched", BigInteger, nullable=False, comment="How often something was stored for it."),
    Column("rolled", BigInteger, nullable=False, comment="The value of `touched` that it was rolled up at."),
    comment="Which hours and days are to be rolled up: those with rolled < touched.",
)

probe_uploads = Table(
    "probe_uploads",
    metadata,
    Column("vantage", Text, primary_key=True),
    Column("prober", Text, primary_key=True),
    Column("boot", Text, primary_key=True),
    Column("sequence", BigInteger, nullable=False, comment="Of the last page that was stored."),
    Column("stored_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    comment="How far the blocks of each start of each prober are stored: so what is sent again is known.",
)

health_transitions = Table(
    "health_transitions",
    metadata,
    Column("position", BigInteger, Identity(always=True), primary_key=True),
    Column("vantage", Text, nullable=False),
    Column("prober", Text, nullable=False),
    Column("boot", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False, comment="1, 2, 3 … within a boot, without a gap."),
    Column("at", DateTime(timezone=True), nullable=False, comment="By the prober's clock."),
    Column("service", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("instance", Text, nullable=False),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    Column("check", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("trace_id", Text, nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    UniqueConstraint("vantage", "prober", "boot", "sequence"),
    Index(None, "instance", "at"),
    Index(None, "service", "region", "at"),
    comment="Each change of an instance's health, as each vantage saw it.",
)

evaluations = Table(
    "evaluations",
    metadata,
    Column("position", BigInteger, Identity(always=True), primary_key=True),
    Column("boot", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("at", Text, nullable=False, comment="RFC 3339, for people; it orders nothing."),
    Column("outcome", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("before", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("trace_id", Text),
    Column("inputs", JSON, nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    UniqueConstraint("boot", "sequence"),
    Index(None, "kind", "name", "position"),
    Index(None, "at"),
    comment="Why nothing was moved, or a publication did not come into force.",
)
