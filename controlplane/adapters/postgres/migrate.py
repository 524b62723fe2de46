"""Owns the schema's way forward: where the migrations lie, how they are run, how far a database is behind."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

import controlplane
from controlplane.adapters.postgres.session import CONNECT_TIMEOUT_SECONDS, database_url
from controlplane.application.ports import DatabaseUnavailable


def migrations_folder() -> Path:
    """Where the migrations lie: in the package where it was installed, beside it in a source tree."""
    package = Path(controlplane.__file__).parent
    installed = package / "_migrations"
    return installed if installed.is_dir() else package.parent / "migrations"


def upgrade_to_head(url: str) -> None:
    """Run what has not been run yet. Blocks, for minutes if need be; several at once wait for each other.

    Raises:
        DatabaseUnavailable: no answer, or a lock was not to be had; what was committed stays.
        ValueError: `url` is no address of PostgreSQL.
    """
    config = _config()
    config.attributes["url"] = url
    database_url(url)
    try:
        command.upgrade(config, "head")
    except OperationalError as error:
        raise DatabaseUnavailable(f"the migrations did not run: {error.orig}") from error


def revisions(url: str) -> tuple[str | None, str | None]:
    """The revision of the schema of a database, None for an empty one, and the one that this program needs.

    Raises:
        DatabaseUnavailable: no answer.
        ValueError: `url` is no address of PostgreSQL.
    """
    engine = create_engine(
        database_url(url), poolclass=NullPool, connect_args={"connect_timeout": CONNECT_TIMEOUT_SECONDS}
    )
    try:
        with engine.connect() as connection:
            current = MigrationContext.configure(connection).get_current_revision()
    except OperationalError as error:
        raise DatabaseUnavailable(f"the revision of the schema is not to be had: {error.orig}") from error
    return current, ScriptDirectory.from_config(_config()).get_current_head()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
