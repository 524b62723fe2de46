"""Documents, keys and reports: what is admitted, and what is refused by name."""

import json

import pytest

from controlplane.contract.documents import (
    DOCUMENT_BYTES_MAX,
    DocumentError,
    canonical,
    checksum,
    parse_failover,
)
from controlplane.contract.keys import Keys, parse_log_key
from controlplane.contract.times import parse_rfc3339
from controlplane.domain.report import (
    REPORT_BYTES_MAX,
    CellCounts,
    CellKey,
    ReportError,
    VantageReport,
    parse_report,
)
from tests.application.publications import document


def changed(**fields: object) -> bytes:
    return canonical(json.loads(document(3).to_bytes()) | fields)


def test_a_document_is_read_as_it_was_written() -> None:
    """The canonical bytes of a document parse to the same document, unknown fields ignored."""
    assert parse_failover(document(3).to_bytes()) == document(3)
    assert parse_failover(changed(more="ignored")) == document(3)


def test_canonical_bytes_are_sorted_and_compact() -> None:
    """Equal values give equal bytes."""
    assert canonical({"b": 1, "a": [1, "ü"]}) == '{"a":[1,"ü"],"b":1}'.encode()
    assert checksum(b"123456789") == "cbf43926"


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"x" * (DOCUMENT_BYTES_MAX + 1), "at most"),
        (b"{", "not JSON"),
        (b"[]", "a JSON object is wanted"),
        (changed(schema="controlplane.failover/2"), "this program reads"),
        (changed(revision=0), "not between 1 and"),
        (changed(revision=10**12), "not between 1 and"),
        (changed(revision=True), "an integer is wanted"),
        (changed(group=7), "a text is wanted"),
        (changed(group="UPPER"), "is not a name"),
        (changed(active=None), "does not go with"),
        (changed(state="fenced"), "does not go with"),
        (changed(state="lost"), "lost"),
        (changed(weights=[]), "AttributeError"),
        (changed(change={}), "KeyError"),
    ],
)
def test_what_is_no_document_is_refused_with_the_reason(raw: bytes, words: str) -> None:
    """Bytes that are no failover document of this schema are refused, and the text says why."""
    with pytest.raises(DocumentError, match=words):
        parse_failover(raw)


def test_keys_are_spelled_in_one_place() -> None:
    """Keys follow the contract, below the configured prefix."""
    keys = Keys("cp/")

    assert keys.leader == "cp/leader"
    assert keys.work("drill", "checkout") == "cp/work/drill/checkout"
    assert keys.log("failover", "checkout", 17) == "cp/log/failover/checkout/000000000017"
    assert keys.vantage("us-1", "prober-1") == "cp/vantage/us-1/prober-1"


@pytest.mark.parametrize(
    "key",
    [
        "other/log/failover/a/000000000001",
        "controlplane/log/a",
        "controlplane/log/failover/a/17",
        "controlplane/log/failover/a/00000000001x",
    ],
)
def test_a_strange_log_key_is_recognised(key: str) -> None:
    """What was not written by this program below `log/` is not taken apart."""
    assert parse_log_key(Keys(), key) is None


def test_a_time_without_a_zone_is_no_time() -> None:
    """Times carry their zone."""
    with pytest.raises(ValueError, match="no RFC 3339 time with a zone"):
        parse_rfc3339("2026-01-12T09:31:07")


def test_a_time_that_utc_cannot_name_is_no_time() -> None:
    """A time that falls out of the calendar in UTC is refused like any other that is none."""
    with pytest.raises(ValueError, match="outside the years"):
        parse_rfc3339("9999-12-31T23:00:00-14:00")


@pytest.mark.parametrize("raw", [b"x" * (REPORT_BYTES_MAX + 1), b"{}", b"[]", b"\xff"])
def test_what_is_no_report_is_refused(raw: bytes) -> None:
    """Bytes that are no vantage report are refused."""
    with pytest.raises(ReportError):
        parse_report("us-1", "prober-1", raw)


def test_a_report_that_counts_to_infinity_is_refused() -> None:
    """Numbers that JSON can write and no integer can hold are an error like any other."""
    report = VantageReport("us-1", "prober-1", boot="b", seq=7, members="m", registry=1)
    with pytest.raises(ReportError, match="inf"):
        parse_report("us-1", "prober-1", report.to_bytes().replace(b'"seq":7', b'"seq":1e999'))


def reported(**fields: object) -> bytes:
    """A report of one cell with some of its fields replaced."""
    cells = {CellKey("checkout", "us-east"): CellCounts(up=2)}
    report = VantageReport("us-1", "prober-1", boot="b", seq=7, members="m", registry=1, cells=cells)
    return json.dumps(json.loads(report.to_bytes()) | fields).encode()


def trust(**fields: object) -> dict[str, object]:
    return {"loop_lag_seconds": 0.1, "faults_of_ours": 0, "sees_all_down": False} | fields


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"cells": {"checkout/us-east": {"down": 1.5}}}, "an integer"),
        ({"cells": {"checkout/us-east": {"down": True}}}, "an integer"),
        ({"cells": {"checkout/us-east": {"down": "2"}}}, "an integer"),
        ({"cells": {"checkout/us-east": {"down": -1}}}, "negative"),
        ({"cells": {"checkout/us-east": {"sideways": 1}}}, "sideways"),
        ({"seq": 7.5}, "an integer"),
        ({"registry": True}, "an integer"),
        ({"boot": None}, "a text"),
        ({"members": 7}, "a text"),
        ({"failing": [7]}, "a text"),
        ({"trust": trust(loop_lag_seconds=float("nan"))}, "NaN is no JSON value"),
        ({"trust": trust(loop_lag_seconds=float("inf"))}, "Infinity is no JSON value"),
        ({"trust": trust(loop_lag_seconds=10**400)}, "no number of seconds"),
        ({"trust": trust(loop_lag_seconds=-1.0)}, "no number of seconds"),
        ({"trust": trust(loop_lag_seconds="0.1")}, "no number of seconds"),
        ({"trust": trust(loop_lag_seconds=True)}, "no number of seconds"),
        ({"trust": trust(faults_of_ours=0.5)}, "an integer"),
        ({"trust": trust(sees_all_down="false")}, "true or false"),
    ],
)
def test_a_report_is_taken_by_the_letter(fields: dict[str, object], words: str) -> None:
    """A number that is none is not rounded into evidence: the whole report is refused, and says why."""
    with pytest.raises(ReportError, match=words):
        parse_report("us-1", "prober-1", reported(**fields))


def test_counts_are_never_negative_and_cells_have_two_names() -> None:
    """A negative count and a cell without a region are refused."""
    with pytest.raises(ReportError, match="negative"):
        CellCounts(up=-1)
    report = {
        "boot": "b",
        "seq": 1,
        "members": "m",
        "registry": 1,
        "cells": {"checkout": {}},
        "failing": [],
        "trust": {"loop_lag_seconds": 0, "faults_of_ours": 0, "sees_all_down": False},
    }
    with pytest.raises(ReportError, match="not service/region"):
        parse_report("us-1", "prober-1", json.dumps(report).encode())
