"""Owns the schema: every table, its keys and what PostgreSQL itself checks.

The schema is made by the migrations alone; this is what they are compared with (`alembic check`). What a
table keeps beyond its keys and references stands in `definition` as the fleet file's own structure, so that
one parser judges files, snapshots and rows. `json`, not `jsonb`: it gives back what was stored, to the byte.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    func,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

registry = Table(
    "registry",
    metadata,
    Column(
        "id", SmallInteger, CheckConstraint("id = 1", name="one_row"), primary_key=True, autoincrement=False
    ),
    Column("revision", BigInteger, nullable=False),
    Column("changed_by", Text, nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    comment="One row: the revision of the definitions. Whoever changes them locks it first.",
)

regions = Table(
    "regions",
    metadata,
    Column("name", Text, primary_key=True),
    Column("position", Integer, nullable=False),
)

vantages = Table(
    "vantages",
    metadata,
    Column("name", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("region", Text, ForeignKey("regions.name"), nullable=False),
)

services = Table(
    "services",
    metadata,
    Column("name", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("definition", JSON, nullable=False),
)

checks = Table(
    "checks",
    metadata,
    Column("service", Text, ForeignKey("services.name"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("definition", JSON, nullable=False),
)

instances = Table(
    "instances",
    metadata,
    Column("id", Text, primary_key=True),
    Column("service", Text, ForeignKey("services.name"), nullable=False, index=True),
    Column("position", Integer, nullable=False),
    Column("region", Text, ForeignKey("regions.name"), nullable=False, index=True),
    Column("address", Text, nullable=False),
    Column("port", Integer, nullable=False),
    comment="Instances that the fleet file declares.",
)

adopted_instances = Table(
    "adopted_instances",
    metadata,
    Column("service", Text, primary_key=True),
    Column("datacenter", Text, primary_key=True, comment="Empty: the home datacenter."),
    Column("id", Text, primary_key=True),
    Column("region", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("port", Integer, nullable=False),
    comment="What Consul catalogs contribute. Refers to nothing, so that it survives a new fleet file.",
)

switches = Table(
    "switches",
    metadata,
    Column("service", Text, ForeignKey("services.name"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("definition", JSON, nullable=False),
)

groups = Table(
    "groups",
    metadata,
    Column("name", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("definition", JSON, nullable=False),
)

playbooks = Table(
    "playbooks",
    metadata,
    Column("name", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("definition", JSON, nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    Column("name", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("vantage", Text),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    comment="Who may use the API. Secrets are not kept, only their SHA-256.",
)

users = Table(
    "users",
    metadata,
    Column("name", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("epoch", Text, nullable=False, comment="New with every password and role; ends sessions."),
    Column("changed_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    comment="Who may log in. Passwords are not kept, only their Argon2id hashes.",
)

changes = Table(
    "changes",
    metadata,
    Column("position", BigInteger, Identity(always=True), primary_key=True),
    Column("store", Text, nullable=False),
    Column("create_index", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("change_id", Text, nullable=False),
    Column("change_kind", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", Text, nullable=False, comment="RFC 3339, for people; it orders nothing."),
    Column("trace_id", Text),
    Column("body", LargeBinary, nullable=False, comment="The entry of log/ as it stood in Consul."),
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    UniqueConstraint("store", "kind", "name", "revision"),
    UniqueConstraint("store", "create_index"),
    Index(None, "kind", "name", "revision"),
    Index(None, "at"),
    Index(None, "by", "position"),
    Index(None, "change_kind", "position"),
    comment="One row for each revision ever published or abandoned, ordered by (store, create_index).",
)
