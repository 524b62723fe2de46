"""Owns what is written to the log: one JSON object per line on standard error, the same for every process.

Application code logs through the standard library, `log.info("group moved", extra={"group": …})`; the extra
fields, the level, the logger's name, the time in UTC and the trace id become fields of the line. Whatever
looks like a secret is cut out on the way, wherever it stands.
"""

import logging
import re
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, WrappedLogger

REDACTED = "[redacted]"
DEPTH_MAX = 6
"""Levels of nested values that are looked through; what lies deeper is cut out unseen."""
QUIET_LIBRARIES = ("alembic", "apscheduler", "httpcore", "httpx")
"""These tell of every request and tick what is counted elsewhere; only their warnings are kept."""

_FIRST_FIELDS = ("time", "level", "process", "event", "trace_id")
_SECRET_FIELD = re.compile(
    r"token|secret|password|passwd|authorization|cookie|api_?key|credential|dsn", re.IGNORECASE
)
_SECRET_TEXT = re.compile(
    r"""(?P<keep>
        \bBearer\s+                                             # Authorization: Bearer …
      | \b(?:X-Consul-Token|Authorization)['"]?\s*[:=]\s*['"]?  # a header that was printed
      | [?&](?:token|secret|password)=                          # a query parameter
      | ://[^\s/:@]*:(?=[^\s/@]+@)                              # the password in an address
    )[^\s'"@&,;}]+""",
    re.IGNORECASE | re.VERBOSE,
)


def configure_logs(*, level: str, process: str, stream: TextIO | None = None) -> None:
    """Send everything that is logged in this process to `stream` (standard error), from `level` upwards.

    `process` names the process in every line, such as `control` or `prober-1`.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_formatter(process))
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    logging.captureWarnings(capture=True)
    for library in QUIET_LIBRARIES:
        logging.getLogger(library).setLevel(logging.WARNING)


def bind_trace(trace_id: str) -> AbstractContextManager[None]:
    """Give this trace id to every line logged inside the `with` block, by this task and those it starts."""
    return structlog.contextvars.bound_contextvars(trace_id=trace_id)


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Cut secrets out of a line: fields by their name, texts by what they look like."""
    return {field: _field(field, value, depth=0) for field, value in event.items()}


def _field(name: str, value: Any, *, depth: int) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    return REDACTED if _SECRET_FIELD.search(name) else _value(value, depth=depth)


def _value(value: Any, *, depth: int) -> Any:
    if depth > DEPTH_MAX:
        return REDACTED
    if isinstance(value, Mapping):
        return {str(name): _field(str(name), item, depth=depth + 1) for name, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_field("", item, depth=depth + 1) for item in value]
    return _SECRET_TEXT.sub(rf"\g<keep>{REDACTED}", str(value))


def _formatter(process: str) -> logging.Formatter:
    def arrange(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["process"] = process
        event.pop("color_message", None)  # uvicorn says everything twice, the second time in colour
        first = {name: event.pop(name) for name in _FIRST_FIELDS if name in event}
        return {**first, **event}

    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ExtraAdder(),
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            arrange,
            redact,
            structlog.processors.JSONRenderer(),
        ],
    )
