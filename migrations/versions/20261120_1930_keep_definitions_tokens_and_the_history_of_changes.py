"""Keep definitions, tokens and the history of changes."""

import sqlalchemy as sa
from alembic import op

revision = "20261120_1930"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_registry()
    create_places()
    create_services()
    create_groups_and_playbooks()
    create_tokens()
    create_changes()


def downgrade() -> None:
    for table in (
        "changes",
        "tokens",
        "playbooks",
        "groups",
        "switches",
        "adopted_instances",
        "instances",
        "checks",
        "services",
        "vantages",
        "regions",
        "registry",
    ):
        op.drop_table(table)


def create_registry() -> None:
    op.create_table(
        "registry",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_registry"),
        sa.CheckConstraint("id = 1", name="ck_registry_one_row"),
        comment="One row: the revision of the definitions. Whoever changes them locks it first.",
    )
    op.execute("INSERT INTO registry (id, revision, changed_by) VALUES (1, 0, 'migration')")


def create_places() -> None:
    op.create_table(
        "regions",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_regions"),
    )
    op.create_table(
        "vantages",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_vantages"),
        sa.ForeignKeyConstraint(["region"], ["regions.name"], name="fk_vantages_region_regions"),
    )


def create_services() -> None:
    create_defined("services")
    create_part_of_a_service("checks")
    create_part_of_a_service("switches")
    op.create_table(
        "instances",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_instances"),
        sa.ForeignKeyConstraint(["service"], ["services.name"], name="fk_instances_service_services"),
        sa.ForeignKeyConstraint(["region"], ["regions.name"], name="fk_instances_region_regions"),
        comment="Instances that the fleet file declares.",
    )
    op.create_index("ix_instances_service", "instances", ["service"])
    op.create_index("ix_instances_region", "instances", ["region"])
    op.create_table(
        "adopted_instances",
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("datacenter", sa.Text(), nullable=False, comment="Empty: the home datacenter."),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("service", "datacenter", "id", name="pk_adopted_instances"),
        comment="What Consul catalogs contribute. Refers to nothing, so that it survives a new fleet file.",
    )


def create_groups_and_playbooks() -> None:
    create_defined("groups")
    create_defined("playbooks")


def create_tokens() -> None:
    op.create_table(
        "tokens",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("vantage", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_tokens"),
        comment="Who may use the API. Secrets are not kept, only their SHA-256.",
    )


def create_changes() -> None:
    op.create_table(
        "changes",
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("create_index", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("change_id", sa.Text(), nullable=False),
        sa.Column("change_kind", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False, comment="RFC 3339, for people; it orders nothing."),
        sa.Column("trace_id", sa.Text(), nullable=True),
        sa.Column(
            "body", sa.LargeBinary(), nullable=False, comment="The entry of log/ as it stood in Consul."
        ),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_changes"),
        sa.UniqueConstraint("store", "kind", "name", "revision", name="uq_changes_store_kind_name_revision"),
        sa.UniqueConstraint("store", "create_index", name="uq_changes_store_create_index"),
        comment="One row for each revision ever published or abandoned, ordered by (store, create_index).",
    )
    op.create_index("ix_changes_kind_name_revision", "changes", ["kind", "name", "revision"])


def create_defined(name: str) -> None:
    op.create_table(
        name,
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("definition", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=f"pk_{name}"),
    )


def create_part_of_a_service(name: str) -> None:
    op.create_table(
        name,
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("definition", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("service", "name", name=f"pk_{name}"),
        sa.ForeignKeyConstraint(["service"], ["services.name"], name=f"fk_{name}_service_services"),
    )
