"""A real server on a real socket for the command line to talk to, in a thread of its own."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from starlette.types import ASGIApp

from controlplane.api.app import create_app
from controlplane.api.server import open_listener, serve_app
from controlplane.cli.main import run
from tests.fakes.clock import FakeClock
from tests.fakes.doors import FakeDoors
from tests.web.pictures import GOOD, HISTORY
from tests.web.switch_pictures import SWITCHES

DEADLINE_SECONDS = 20.0


@dataclass(frozen=True)
class Ended:
    """What a command left behind."""

    code: int
    out: str
    err: str


Command = Callable[..., Ended]


@contextmanager
def served_in_thread(app: ASGIApp) -> Iterator[str]:
    """The address of an application, for clients that block."""
    listener = open_listener("127.0.0.1", 0)
    host, port = listener.getsockname()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()
    thread = threading.Thread(
        target=lambda: loop.run_until_complete(serve_app(app, listener=listener, stop=stop))
    )
    thread.start()
    try:
        yield f"http://{host}:{port}"
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(DEADLINE_SECONDS)
        loop.close()


@pytest.fixture
def fakes() -> FakeDoors:
    doors = FakeDoors()
    doors.queries.picture = GOOD
    doors.queries.history = HISTORY
    doors.switches.picture = SWITCHES
    return doors


@pytest.fixture
def url(fakes: FakeDoors) -> Iterator[str]:
    app = create_app(fakes.doors(), clock=FakeClock(), public_url="http://controlplane.test")
    with served_in_thread(app) as address:
        yield address


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """Types a command and waits for its end."""

    def typed(*words: str) -> Ended:
        with pytest.raises(SystemExit) as ending:
            run(words)
        said = capsys.readouterr()
        assert isinstance(ending.value.code, int)
        return Ended(ending.value.code, said.out, said.err)

    return typed


@pytest.fixture
def controlplane(command: Command, url: str, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Types a command as an admin of the server above."""
    monkeypatch.setenv("CONTROLPLANE_URL", url)
    monkeypatch.setenv("CONTROLPLANE_TOKEN", "admin-token")
    return command
