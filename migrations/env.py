"""Owns how migrations run: one process at a time, one transaction each, none that waits long for a lock."""

import os

from alembic import context
from alembic.util import CommandError
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from controlplane.adapters.postgres.history_tables import metadata
from controlplane.adapters.postgres.session import CONNECT_TIMEOUT_SECONDS, database_url, server_limits

ADVISORY_LOCK = 0x636F6E74726F6C
"""Any number; the same in every process that migrates."""
ADVISORY_LOCK_TIMEOUT_SECONDS = 120
"""How long another process may be at work before this one gives up."""
LOCK_TIMEOUT_SECONDS = 5
"""A migration that waits for a table makes everybody behind it wait, too."""
STATEMENT_TIMEOUT_SECONDS = 120


def run() -> None:
    """Run on the database whose URL was passed as attribute `url`, or stands in the environment."""
    url = context.config.attributes.get("url") or os.environ.get("CONTROLPLANE_DATABASE_URL")
    if not url:
        raise CommandError("CONTROLPLANE_DATABASE_URL is not set: postgresql://user:password@host:port/name")
    if context.is_offline_mode():
        raise CommandError("--sql is not offered: migrations may read what is in the database")
    engine = create_engine(
        database_url(url),
        poolclass=NullPool,
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT_SECONDS,
            "application_name": "controlplane migrate",
            "options": server_limits(STATEMENT_TIMEOUT_SECONDS, ADVISORY_LOCK_TIMEOUT_SECONDS),
        },
    )
    with engine.connect() as connection:
        be_the_only_one(connection)
        context.configure(connection=connection, target_metadata=metadata, transaction_per_migration=True)
        with context.begin_transaction():
            context.run_migrations()


def be_the_only_one(connection: Connection) -> None:
    """Hold the lock of all migrations until the connection is closed."""
    connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": ADVISORY_LOCK})
    connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT_SECONDS}s'"))
    connection.commit()


run()
