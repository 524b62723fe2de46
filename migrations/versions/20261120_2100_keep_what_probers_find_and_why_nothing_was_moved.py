"""Keep what probers find, and why nothing was moved."""

import sqlalchemy as sa
from alembic import op

revision = "20261120_2100"
down_revision = "20261120_1930"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_series()
    create_blocks()
    create_rollups("probe_rollups_hourly")
    create_rollups("probe_rollups_daily")
    create_rollup_marks()
    create_uploads()
    create_transitions()
    create_evaluations()


def downgrade() -> None:
    for table in (
        "evaluations",
        "health_transitions",
        "probe_uploads",
        "rollup_marks",
        "probe_rollups_daily",
        "probe_rollups_hourly",
        "probe_blocks",
        "probe_series",
    ):
        op.drop_table(table)


def create_series() -> None:
    op.create_table(
        "probe_series",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("vantage", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("instance", sa.Text(), nullable=False),
        sa.Column("check", sa.Text(), nullable=False),
        sa.Column(
            "seen_day", sa.Integer(), nullable=False, comment="First minute of the last day with blocks."
        ),
        sa.PrimaryKeyConstraint("id", name="pk_probe_series"),
        sa.UniqueConstraint(
            *("vantage", "service", "region", "instance", "check"),
            name="uq_probe_series_vantage_service_region_instance_check",
        ),
        comment="One row for each check of each instance as each vantage sees it; blocks name it by number.",
    )
    op.create_index("ix_probe_series_instance", "probe_series", ["instance"])
    op.create_index("ix_probe_series_service_region", "probe_series", ["service", "region"])


def create_blocks() -> None:
    op.create_table(
        "probe_blocks",
        sa.Column("minute", sa.Integer(), nullable=False, comment="Minutes since 1970, UTC."),
        sa.Column("series", sa.Integer(), nullable=False),
        sa.Column("fastest", sa.Integer(), nullable=True, comment="Of the successes, in steps of 0.1 ms."),
        sa.Column("slowest", sa.Integer(), nullable=True),
        sa.Column("probes", sa.SmallInteger(), nullable=False),
        sa.Column("failures", sa.SmallInteger(), nullable=False),
        sa.Column(
            "faults", sa.SmallInteger(), nullable=False, comment="Of ours: they say nothing of the target."
        ),
        sa.Column("data", sa.LargeBinary(), nullable=False, comment="Packed samples, or their sum."),
        postgresql_partition_by="RANGE (minute)",
        comment="What one check found in one minute. A partition a day; the order of columns saves padding.",
    )
    op.create_index("ix_probe_blocks_series", "probe_blocks", ["series"])
    op.create_index("ix_probe_blocks_minute", "probe_blocks", ["minute"], postgresql_using="brin")


def create_rollups(name: str) -> None:
    op.create_table(
        name,
        sa.Column("series", sa.Integer(), nullable=False),
        sa.Column("start", sa.Integer(), nullable=False, comment="Minutes since 1970, UTC."),
        sa.Column("fastest", sa.Integer(), nullable=True, comment="Of the successes, in steps of 0.1 ms."),
        sa.Column("slowest", sa.Integer(), nullable=True),
        sa.Column("probes", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("faults", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False, comment="Counts by reason, and of latencies."),
        sa.PrimaryKeyConstraint("series", "start", name=f"pk_{name}"),
    )
    op.create_index(f"ix_{name}_start", name, ["start"], postgresql_using="brin")


def create_rollup_marks() -> None:
    op.create_table(
        "rollup_marks",
        sa.Column("resolution", sa.Text(), nullable=False),
        sa.Column("start", sa.Integer(), nullable=False, comment="Minutes since 1970, UTC."),
        sa.Column(
            "touched", sa.BigInteger(), nullable=False, comment="How often something was stored for it."
        ),
        sa.Column(
            "rolled",
            sa.BigInteger(),
            nullable=False,
            comment="The value of `touched` that it was rolled up at.",
        ),
        sa.PrimaryKeyConstraint("resolution", "start", name="pk_rollup_marks"),
        comment="Which hours and days are to be rolled up: those with rolled < touched.",
    )


def create_uploads() -> None:
    op.create_table(
        "probe_uploads",
        sa.Column("vantage", sa.Text(), nullable=False),
        sa.Column("prober", sa.Text(), nullable=False),
        sa.Column("boot", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False, comment="Of the last page that was stored."),
        sa.Column("stored_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("vantage", "prober", "boot", name="pk_probe_uploads"),
        comment="How far the blocks of each start of each prober are stored: so what is sent again is known.",
    )


def create_transitions() -> None:
    op.create_table(
        "health_transitions",
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("vantage", sa.Text(), nullable=False),
        sa.Column("prober", sa.Text(), nullable=False),
        sa.Column("boot", sa.Text(), nullable=False),
        sa.Column(
            "sequence", sa.BigInteger(), nullable=False, comment="1, 2, 3 … within a boot, without a gap."
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="By the prober's clock."),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("instance", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("check", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("trace_id", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_health_transitions"),
        sa.UniqueConstraint(
            "vantage", "prober", "boot", "sequence", name="uq_health_transitions_vantage_prober_boot_sequence"
        ),
        comment="Each change of an instance's health, as each vantage saw it.",
    )
    op.create_index("ix_health_transitions_instance_at", "health_transitions", ["instance", "at"])
    op.create_index(
        "ix_health_transitions_service_region_at", "health_transitions", ["service", "region", "at"]
    )


def create_evaluations() -> None:
    op.create_table(
        "evaluations",
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("boot", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False, comment="RFC 3339, for people; it orders nothing."),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("trace_id", sa.Text(), nullable=True),
        sa.Column("inputs", sa.JSON(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_evaluations"),
        sa.UniqueConstraint("boot", "sequence", name="uq_evaluations_boot_sequence"),
        comment="Why nothing was moved, or a publication did not come into force.",
    )
    op.create_index("ix_evaluations_kind_name_position", "evaluations", ["kind", "name", "position"])
