"""What stands in the log, and what never does."""

import io
import json
import logging
import warnings
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from controlplane.adapters.logs import DEPTH_MAX, REDACTED, bind_trace, configure_logs

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines() -> Lines:
    """The log of this test, as the objects it consists of."""
    stream = io.StringIO()
    configure_logs(level="info", process="control", stream=stream)
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def test_extra_fields(lines: Lines):
    """A line is a JSON object with time, level, process, event, logger and the extra fields."""
    logging.getLogger("controlplane.x").warning("group %s moved", "checkout", extra={"revision": 17})

    (line,) = lines()
    assert datetime.fromisoformat(line.pop("time")).utcoffset() == timedelta(0)
    assert line == {
        "level": "warning",
        "process": "control",
        "event": "group checkout moved",
        "logger": "controlplane.x",
        "revision": 17,
    }


def test_level(lines: Lines):
    """What is below the level is not logged, nor the chatter of HTTP clients and schedulers."""
    logging.getLogger("controlplane.x").debug("not this")
    logging.getLogger("httpx").info("HTTP Request: GET …")

    assert lines() == []


def test_no_colours(lines: Lines):
    """A server's second, coloured message is dropped."""
    logging.getLogger("uvicorn.error").info("Started", extra={"color_message": "Started in \x1b[36mcyan"})

    (line,) = lines()
    assert "color_message" not in line


def test_trace(lines: Lines):
    """Lines inside a bound trace carry its id, lines after it do not."""
    with bind_trace("01JTRACE"):
        logging.getLogger("controlplane.x").info("inside")
    logging.getLogger("controlplane.x").info("after")

    inside, after = lines()
    assert inside["trace_id"] == "01JTRACE"
    assert "trace_id" not in after


def test_exception(lines: Lines):
    """A traceback is one field of one line, and keeps no secret."""
    try:
        int("postgresql://app:geheim@db/controlplane")
    except ValueError:
        logging.getLogger("controlplane.x").exception("no database")

    (line,) = lines()
    assert "Traceback" in line["exception"]
    assert "geheim" not in json.dumps(line)


def test_warnings(lines: Lines):
    """A Python warning is a line, too."""
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        logging.captureWarnings(capture=True)
        warnings.warn("soon gone", UserWarning, stacklevel=1)

    (line,) = lines()
    assert "soon gone" in line["event"]


@pytest.mark.parametrize(
    "extra",
    [
        {"token": "geheim"},
        {"admin_token": "geheim"},
        {"secret_key": b"geheim"},
        {"headers": {"Authorization": "geheim"}},
        {"headers": [{"X-Consul-Token": "geheim"}]},
        {"header": "Bearer geheim"},
        {"url": "http://127.0.0.1:8500/v1/kv/x?dc=a&token=geheim"},
        {"url": "postgresql://app:geheim@db/controlplane"},
        {"printed": "{'X-Consul-Token': 'geheim'}"},
        {"printed": "authorization: geheim"},
    ],
)
def test_secrets(lines: Lines, extra: dict[str, Any]):
    """Secrets are cut out by the name of their field and by what they look like."""
    logging.getLogger("controlplane.x").info("asked", extra=extra)

    (line,) = lines()
    assert "geheim" not in json.dumps(line)
    assert REDACTED in json.dumps(line)


def test_ordinary_values(lines: Lines):
    """Counts, addresses and texts without a secret stay as they are."""
    extra = {
        "tokens": 3,
        "url": "http://127.0.0.1:8500/v1/txn",
        "cell": ("checkout", "us-east"),
        "until": None,
    }

    logging.getLogger("controlplane.x").info("read", extra=extra)

    (line,) = lines()
    assert {name: line[name] for name in extra} == {**extra, "cell": ["checkout", "us-east"]}


def test_depth(lines: Lines):
    """What is nested too deeply to be looked through is cut out."""
    deep: Any = "bottom"
    for _ in range(DEPTH_MAX + 1):
        deep = [deep]

    logging.getLogger("controlplane.x").info("deep", extra={"deep": deep})

    (line,) = lines()
    assert "bottom" not in json.dumps(line)


def test_one_line(lines: Lines):
    """A text with line breaks cannot forge a second line."""
    logging.getLogger("controlplane.x").info('name\n{"event": "forged"}')

    (line,) = lines()
    assert line["event"].startswith("name\n")
