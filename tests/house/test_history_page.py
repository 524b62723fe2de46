"""The page about history says what the bytes are."""

from pathlib import Path

from controlplane.domain.history_block import block_of_samples, block_of_summary
from controlplane.domain.history_frame import HEAD_BYTES, PAYLOAD_BYTES_MAX
from controlplane.domain.history_records import HealthTurn, Origin
from controlplane.domain.history_samples import Samples
from tests.probe_histories import NOW, OK, TIMEOUT

PAGE = (Path(__file__).parents[2] / "docs/history.md").read_text()
THINNED = "00 | 02  00 03  16 01 | 02  1f 01  01 02"


def hexadecimal(line: str) -> bytes:
    return bytes.fromhex(line.replace("|", ""))


def line_after(text: str) -> str:
    """The line of the page behind the one that begins so."""
    lines = PAGE.splitlines()
    return lines[next(place for place, line in enumerate(lines) if line.startswith(text)) + 1]


def test_the_page_shows_the_bytes_of_a_block():
    """Four probes are packed as the page shows them, with their samples and without."""
    whole = block_of_samples(
        NOW, Samples([200, 2200, 4200, 6201], [32, 33, 31, 9000], bytes([OK, OK, OK, TIMEOUT]))
    )
    thinned = block_of_summary(NOW, whole.summary())

    assert hexadecimal(line_after("began     200")) == whole.data
    assert f"\n{THINNED}\n" in PAGE
    assert hexadecimal(THINNED) == thinned.data


def test_the_page_shows_records_that_are_read():
    """The origin and the change of health on the page are an origin and a change of health."""
    origin = Origin("us-1", "prober-1", "01JBOOT")
    turn = next(line for line in PAGE.splitlines() if line.startswith('{"after"')).encode()

    assert f"`{origin.to_bytes().decode()}`" in PAGE
    assert HealthTurn.from_bytes(turn).to_bytes() == turn


def test_the_page_names_the_limits():
    """A frame is as large as the page says."""
    assert HEAD_BYTES == 2 + 1 + 8 + 4 + 4
    assert PAYLOAD_BYTES_MAX == 1024 * 1024
