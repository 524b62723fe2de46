"""Owns how checks stand in a fleet file: how they are read, and how they are written."""

from typing import Any

from controlplane.application.fleet_limits import (
    INTERVAL_SECONDS_MAX,
    INTERVAL_SECONDS_MIN,
    PORT_MAX,
    RISE_FALL_MAX,
    STATUSES_MAX,
    TIMEOUT_SECONDS_MAX,
    TIMEOUT_SECONDS_MIN,
)
from controlplane.application.fleet_names import Names, read_name
from controlplane.application.fleet_tree import Fields, Mistake, Node, Place, described
from controlplane.application.fleet_values import (
    boolean,
    duration,
    duration_text,
    host,
    integer,
    member_of,
    pattern,
    request_path,
)
from controlplane.domain.fleet import Check, CheckType, Expectation, Layer

_KEYS = (
    "name",
    "type",
    "layer",
    "interval",
    "timeout",
    "rise",
    "fall",
    "port",
    "path",
    "host",
    "tls",
    "verify",
    "keep_alive",
    "expect",
)
_EXPECT_KEYS = ("status", "latency", "body")
_TYPES_LATER = ("grpc", "heartbeat", "metrics", "consul")
_HTTP_ONLY = ("path", "keep_alive")
_HTTP_ONLY_EXPECT = ("status", "body")
_DEFAULT = Check(name="", type=CheckType.HTTP)


def read_check(place: Place, names: Names) -> Check:
    """One check; `names` holds those of its service."""
    fields = Fields(place, known=_KEYS, required=("name", "type"))
    kind = fields.read("type", member_of(CheckType, later=_TYPES_LATER), CheckType.HTTP)
    check = Check(
        name=read_name(fields, names),
        type=kind,
        layer=fields.read("layer", member_of(Layer), _DEFAULT.layer),
        interval_seconds=fields.read(
            "interval", duration(INTERVAL_SECONDS_MIN, INTERVAL_SECONDS_MAX), _DEFAULT.interval_seconds
        ),
        timeout_seconds=fields.read(
            "timeout", duration(TIMEOUT_SECONDS_MIN, TIMEOUT_SECONDS_MAX), _DEFAULT.timeout_seconds
        ),
        rise=fields.read("rise", integer(1, RISE_FALL_MAX), _DEFAULT.rise),
        fall=fields.read("fall", integer(1, RISE_FALL_MAX), _DEFAULT.fall),
        port=fields.read("port", integer(1, PORT_MAX), None),
        path=fields.read("path", request_path, _DEFAULT.path),
        host=fields.read("host", host, None),
        tls=fields.read("tls", boolean, _DEFAULT.tls),
        verify=fields.read("verify", boolean, _DEFAULT.verify),
        keep_alive=fields.read("keep_alive", boolean, _DEFAULT.keep_alive),
        expect=_read_expectation(fields.at("expect"), kind) if "expect" in fields else _DEFAULT.expect,
    )
    _refuse_what_only_http_has(fields, kind, _HTTP_ONLY)
    _compare_times(fields, check)
    return check


def check_to_mapping(check: Check) -> dict[str, Any]:
    """A check as the file states it, defaults left out."""
    mapping: dict[str, Any] = {"name": check.name, "type": check.type.value}
    values = {
        "layer": (check.layer.value, _DEFAULT.layer.value),
        "interval": (duration_text(check.interval_seconds), duration_text(_DEFAULT.interval_seconds)),
        "timeout": (duration_text(check.timeout_seconds), duration_text(_DEFAULT.timeout_seconds)),
        **{
            key: (getattr(check, key), getattr(_DEFAULT, key))
            for key in ("rise", "fall", "port", "path", "host", "tls", "verify", "keep_alive")
        },
        "expect": (_expectation_to_mapping(check.expect), {}),
    }
    return mapping | {key: value for key, (value, default) in values.items() if value != default}


def _read_expectation(place: Place, kind: CheckType) -> Expectation:
    fields = Fields(place, known=_EXPECT_KEYS)
    _refuse_what_only_http_has(fields, kind, _HTTP_ONLY_EXPECT)
    return Expectation(
        status=fields.read("status", _statuses, _DEFAULT.expect.status),
        latency_seconds=fields.read("latency", duration(TIMEOUT_SECONDS_MIN, TIMEOUT_SECONDS_MAX), None),
        body=fields.read("body", pattern, None),
    )


def _expectation_to_mapping(expect: Expectation) -> dict[str, Any]:
    mapping: dict[str, Any] = {}
    if expect.status != _DEFAULT.expect.status:
        mapping["status"] = list(expect.status)
    if expect.latency_seconds is not None:
        mapping["latency"] = duration_text(expect.latency_seconds)
    if expect.body is not None:
        mapping["body"] = expect.body
    return mapping


def _statuses(node: Node) -> tuple[int, ...]:
    status = integer(100, 599)
    items = node.value if isinstance(node.value, tuple) else ()
    if not 0 < len(items) <= STATUSES_MAX:
        raise Mistake(
            f"a list of status codes is wanted, this is {described(node)}",
            f"1 to {STATUSES_MAX} codes, such as [200, 204]",
        )
    return tuple(status(item) for item in items)


def _refuse_what_only_http_has(fields: Fields, kind: CheckType, keys: tuple[str, ...]) -> None:
    if kind is CheckType.HTTP:
        return
    for key in keys:
        if key in fields:
            fields.at(key).refuse(f"a {kind} check has no `{key}`", f"`{key}` with `type: http`")


def _compare_times(fields: Fields, check: Check) -> None:
    interval, timeout = duration_text(check.interval_seconds), duration_text(check.timeout_seconds)
    if check.interval_seconds < check.timeout_seconds:
        key = "interval" if "interval" in fields else "timeout"
        fields.at(key).refuse(
            f"the interval of {interval} is shorter than the timeout of {timeout}",
            "an interval as long as the timeout, or longer",
        )
    if check.expect.latency_seconds is not None and check.expect.latency_seconds > check.timeout_seconds:
        latency = duration_text(check.expect.latency_seconds)
        fields.at("expect").refuse(
            f"the latency bound of {latency} lies above the timeout of {timeout}", "a bound up to the timeout"
        )
