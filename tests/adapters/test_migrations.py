"""The schema's way forward and back, on the real PostgreSQL."""

import os
import re
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from alembic import command
from alembic.config import Config

from controlplane.adapters.postgres.migrate import migrations_folder, revisions, upgrade_to_head
from controlplane.application.ports import DatabaseUnavailable
from tests.fixtures.postgres import OwnPostgres

pytestmark = pytest.mark.services

ROOT = Path(__file__).parents[2]
UPGRADE_SECONDS_MAX = 120


def alembic(url: str) -> Config:
    config = Config(ROOT / "alembic.ini")
    config.attributes["url"] = url
    return config


@pytest.fixture
def empty_url(own_postgres: OwnPostgres) -> str:
    """A database that nobody migrated."""
    base = own_postgres.server.url.replace("+psycopg", "").rpartition("/")[0]
    with psycopg.connect(f"{base}/postgres", autocommit=True) as admin:
        admin.execute("CREATE DATABASE empty")
    return f"{base}/empty"


def test_the_way_leads_from_nothing_to_the_head_and_back(empty_url: str):
    """Up, compared with the tables of the code, down one, up again: the schema is what the code says."""
    assert revisions(empty_url)[0] is None
    upgrade_to_head(empty_url)
    current, head = revisions(empty_url)
    assert current == head
    command.check(alembic(empty_url))

    command.downgrade(alembic(empty_url), "-1")
    assert revisions(empty_url)[0] != head
    command.upgrade(alembic(empty_url), "head")
    assert revisions(empty_url) == (head, head)
    command.check(alembic(empty_url))


def test_a_database_that_is_ahead_or_behind_is_told_by_both_revisions(empty_url: str):
    """The revision that stands in the database is told, whoever wrote it."""
    upgrade_to_head(empty_url)
    with psycopg.connect(empty_url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '20991231_0000'")

    current, head = revisions(empty_url)
    assert current == "20991231_0000"
    assert head == "20261120_2310"


def test_upgrading_again_is_harmless(postgres_url: str):
    """A migrated database stays as it is."""
    upgrade_to_head(postgres_url)

    assert len(set(revisions(postgres_url))) == 1


def test_of_two_processes_at_once_one_migrates(empty_url: str):
    """Replicas that start together wait for each other instead of failing."""
    environment = {**os.environ, "CONTROLPLANE_DATABASE_URL": empty_url}
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "alembic", "upgrade", "head"],
            cwd=ROOT,
            env=environment,
            stderr=subprocess.PIPE,
        )
        for _ in range(3)
    ]
    said = [process.communicate(timeout=UPGRADE_SECONDS_MAX)[1] for process in started]

    assert [process.returncode for process in started] == [0, 0, 0], said
    assert len(set(revisions(empty_url))) == 1


def test_a_database_that_is_not_there_is_told():
    """Neither asking nor upgrading hides that nobody answers."""
    with pytest.raises(DatabaseUnavailable, match="refused"):
        revisions("postgresql://u:p@127.0.0.1:1/d")
    with pytest.raises(DatabaseUnavailable, match="refused"):
        upgrade_to_head("postgresql://u:p@127.0.0.1:1/d")


def test_migrations_are_named_by_date_and_sentence():
    """A listing of the folder tells the story of the schema."""
    names = [path.name for path in (migrations_folder() / "versions").glob("*.py")]

    assert names
    assert all(re.fullmatch(r"20\d{6}_\d{4}_[a-z]+(_[a-z0-9]+)+\.py", name) for name in names)
