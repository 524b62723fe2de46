"""The demo's log-in: random, kept, private, and stored as often as the demo starts."""

from pathlib import Path

import httpx
import pytest

from controlplane.api.app import create_app
from controlplane.processes.demo_login import demo_login, store_login
from controlplane.processes.errors import ProcessError
from tests.fakes.clock import FakeClock
from tests.fakes.doors import FakeDoors
from tests.web.serving import served


def test_the_password_is_random_kept_and_private(tmp_path: Path):
    """The same folder has the same log-in, another one another; nobody else may read it."""
    login = demo_login(tmp_path / "one")

    assert demo_login(tmp_path / "one") == login
    assert demo_login(tmp_path / "two") != login
    assert (tmp_path / "one" / "login").stat().st_mode & 0o777 == 0o600
    assert login.password not in repr(login)


async def test_storing_it_again_ends_no_session(tmp_path: Path):
    """A restart of the demo leaves its visitor logged in."""
    fakes, login = FakeDoors(), demo_login(tmp_path)
    people = fakes.people.door
    app = create_app(fakes.doors(), clock=FakeClock(), public_url="http://localhost")
    async with served(app) as address:
        await store_login(api_url=address, token="admin-token", login=login)
        session = await people.log_in(login.name, login.password, source="127.0.0.1")
        await store_login(api_url=address, token="admin-token", login=login)
        with pytest.raises(ProcessError, match="HTTP 401"):
            await store_login(api_url=address, token="nobody-token", login=login)

    assert people.visit({people.sessions.cookie_name: people.sessions.write(session)})
    with pytest.raises(ProcessError, match="cannot be stored"):
        await store_login(api_url=str(httpx.URL(address)), token="admin-token", login=login)
