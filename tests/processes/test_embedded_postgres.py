"""The private PostgreSQL keeps its data, its password and its door shut."""

import os
from pathlib import Path

import psycopg
import pytest

from controlplane.processes.embedded_postgres import EmbeddedPostgres, prepare_postgres
from controlplane.processes.errors import ProcessError
from controlplane.processes.free_port import free_ports
from controlplane.processes.user_namespace import require_namespace
from tests.fixtures.postgres import OwnPostgres
from tests.fixtures.servers import ServerProcess

pytestmark = pytest.mark.services


async def test_a_second_start_on_another_port_finds_the_data(
    own_postgres: OwnPostgres, tmp_path: Path
) -> None:
    """Data and password belong to the folder, not to one start."""
    with psycopg.connect(own_postgres.server.url) as connection:
        connection.execute("CREATE TABLE mine AS SELECT 42 AS id")
    await own_postgres.stop()
    again = prepare_postgres(tmp_path, port=free_ports(1)[0])
    process: ServerProcess[EmbeddedPostgres] = ServerProcess(lambda: again, tmp_path / "again.log")
    with process.started(), psycopg.connect(again.url) as connection:
        assert connection.execute("SELECT id FROM mine").fetchone() == (42,)


async def test_a_stale_pid_of_somebody_else_does_not_stop_it(own_postgres: OwnPostgres) -> None:
    """A pid file left by kill -9, whose number another process bears now, is taken over."""
    own_postgres.kill()
    pid_file = own_postgres.server.data / "postmaster.pid"
    former, *rest = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getppid()), *rest]) + "\n")
    await own_postgres.start()

    assert former.isdigit()
    with psycopg.connect(own_postgres.server.url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_nobody_enters_without_the_password(own_postgres: OwnPostgres) -> None:
    """A wrong password and no password are refused over TCP, and there is no socket."""
    url = own_postgres.server.url
    for password in ("", ":wrong"):
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(url.replace(f":{own_postgres.server.password}", password))
    with psycopg.connect(url) as connection:
        assert connection.execute("SHOW unix_socket_directories").fetchone() == ("",)
        assert connection.execute("SHOW listen_addresses").fetchone() == ("127.0.0.1",)


def test_the_password_is_in_no_command_line(own_postgres: OwnPostgres) -> None:
    """What anybody on the machine can read holds no secret, and neither does the server's repr."""
    assert own_postgres.server.password not in " ".join(own_postgres.server.argv)
    assert own_postgres.server.password not in repr(own_postgres.server)


def test_a_half_made_cluster_is_made_anew(tmp_path: Path) -> None:
    """What an interrupted first start left behind is thrown away."""
    (tmp_path / "postgres.new").mkdir()
    (tmp_path / "postgres.new" / "PG_VERSION").write_text("18")

    assert (prepare_postgres(tmp_path, port=1).data / "PG_VERSION").exists()
    assert not (tmp_path / "postgres.new").exists()


def test_denied_user_namespaces_are_one_sentence() -> None:
    """Where a namespace is needed and denied, the sentence says what is left to do."""
    with pytest.raises(
        ProcessError, match=r"user namespaces are denied .* as an ordinary user, or set CONTROLPLANE_"
    ):
        require_namespace(("false",))
