"""Documents and explanations as they are written."""

from dataclasses import replace

from controlplane.application.composing import remembered
from controlplane.application.drafting import bounded
from controlplane.contract.documents import canonical
from controlplane.contract.log_entries import EXPLANATION_BYTES_MAX, Abandoned
from tests.application.publications import document, publication


def test_a_log_entry_tells_the_document_again() -> None:
    """From a log entry the document it published can be read back, the change included."""
    after = document(3, "eu-west")

    assert remembered(publication(after).log_entry) == after


def test_an_abandoned_revision_or_a_strangers_entry_tells_no_document() -> None:
    """What published nothing tells nothing."""
    assert remembered(Abandoned("c", "b", "r", "a").to_bytes()) is None
    assert remembered(b"{}") is None
    broken = publication(document()).log_entry.replace(b"controlplane.failover/1", b"controlplane.failover/9")
    assert remembered(broken) is None


def test_an_explanation_too_large_loses_whole_parts_and_names_them() -> None:
    """Of an explanation above 16 KiB the last parts are left out, by name."""
    kept = bounded({"why": "short", "inputs": "x" * EXPLANATION_BYTES_MAX, "more": "y"})

    assert kept == {"why": "short", "left_out": ["more", "inputs"]}
    assert len(canonical(kept)) <= EXPLANATION_BYTES_MAX
    assert bounded({"why": "short"}) == {"why": "short"}


def test_a_document_without_an_active_region_keeps_the_former_one_in_mind() -> None:
    """A document's content in the log is its fields without the change."""
    after = replace(document(2), previous="ap-south")
    read = remembered(publication(after).log_entry)

    assert read
    assert read.previous == "ap-south"
