"""What every `Signer` promises, on the fake and on the real one."""

import pytest

from controlplane.adapters.signing import HmacSigner
from controlplane.application.ports import Signer
from tests.fakes.people import FakeSigner

KEY = "k" * 32


@pytest.fixture(params=[HmacSigner, FakeSigner])
def signer(request: pytest.FixtureRequest) -> Signer:
    made: Signer = request.param(KEY)
    return made


def test_what_was_signed_comes_back(signer: Signer):
    """The text is read again, whatever dots are in it."""
    signed = signer.sign("alice:1.2", purpose="session")

    assert signer.read(signed, purpose="session") == "alice:1.2"


@pytest.mark.parametrize("change", [lambda text: text[:-1], lambda text: f"x{text}", str.upper])
def test_what_was_touched_is_not_believed(signer: Signer, change):
    """A changed text and a changed signature are the same: nothing."""
    assert signer.read(change(signer.sign("alice", purpose="session")), purpose="session") is None


@pytest.mark.parametrize("text", ["", ".", "alice", "alice.", ".alice", "é.é", "\udc80.x"])
def test_what_was_never_signed_is_not_believed(signer: Signer, text: str):
    """Whatever bytes a browser sends, they end as nothing."""
    assert signer.read(text, purpose="session") is None


def test_a_signature_holds_for_its_purpose_and_key_alone(signer: Signer):
    """A form's token is no session, and another installation's is none either."""
    signed = signer.sign("alice", purpose="session")

    assert signer.read(signed, purpose="form") is None
    assert type(signer)("o" * 32).read(signed, purpose="session") is None  # type: ignore[call-arg]
