"""How one instance stands to one document, and what a hostile header can do about it: nothing."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controlplane.contract.applied import APPLIED_HEADER, HEADER_BYTES_MAX
from controlplane.contract.documents import DocumentKind, checksum
from controlplane.domain.acknowledgement import (
    OUT_OF_DATE,
    TEXT_CHARACTERS_MAX,
    UNHEARD,
    AckClass,
    Finding,
    Hearing,
    InForce,
    classify,
    heard,
    in_force,
    read_header,
    together,
)
from controlplane.domain.outcome import Outcome, Reason, Verdict

FAILOVER, SWITCHES = DocumentKind.FAILOVER, DocumentKind.SWITCHES
DOCUMENT = InForce(FAILOVER, "checkout", 17, "9a3f01c2")
ABSENT = InForce(FAILOVER, "checkout")
UNREADABLE = in_force(FAILOVER, "checkout", b"garbage")
OK = 'failover.checkout=17;sum="9a3f01c2";state=ok;src=live'


def found(header: str, document: InForce = DOCUMENT) -> Finding:
    """What a header means for a document."""
    return classify(document, heard(Outcome(Verdict.SUCCESS, Reason.OK, applied=header)))


@pytest.mark.parametrize(
    ("header", "ack", "text"),
    [
        (OK, AckClass.CONFIRMED, ""),
        (OK.replace("live", "disk"), AckClass.CONFIRMED, "from disk"),
        (OK.replace("=17", "=16"), AckClass.BEHIND, ""),
        (OK.replace("state=ok", "state=stale"), AckClass.BEHIND, "stale"),
        (OK.replace("state=ok", "state=absent"), AckClass.BEHIND, "absent"),
        ("failover.checkout=0;state=absent;src=default", AckClass.BEHIND, "absent, from default"),
        (OK.replace("=17", "=18"), AckClass.AHEAD, ""),
        (OK.replace("9a3f01c2", "00000000"), AckClass.AHEAD, ""),
        (
            'failover.checkout=16;sum="00000000";state=nack;observed=17;err=%"no region"',
            AckClass.NACK,
            "refuses 17, no region",
        ),
        (
            'failover.checkout=18;sum="00000000";state=nack;observed=17;err=%"revision went back"',
            AckClass.AHEAD,
            "refuses 17, revision went back",
        ),
        (OK.replace("live", "override"), AckClass.OVERRIDE, "from override"),
        (OK.replace("checkout", "catalog"), AckClass.SILENT, "the header does not name this document"),
        (OK.replace("failover", "switches"), AckClass.SILENT, "the header does not name this document"),
        ("", AckClass.SILENT, "the header does not name this document"),
    ],
)
def test_each_word_has_its_meaning(header: str, ack: AckClass, text: str):
    """Revision, bytes, state and source decide; nothing but the same bytes in good state confirms."""
    assert (found(header).ack, found(header).text) == (ack, text)


def test_nobody_is_ahead_of_bytes_without_a_revision():
    """Where somebody wrote garbage over a document, readers refuse it; that is what is said of them."""
    refusing = 'failover.checkout=17;sum="9a3f01c2";state=nack;src=live;err=%"not JSON"'

    assert found(refusing, UNREADABLE).ack is AckClass.NACK
    assert found(OK, UNREADABLE).ack is AckClass.BEHIND


def test_who_holds_a_document_that_is_gone_is_ahead():
    """A store that lost a document knows less than its readers."""
    assert found(OK.replace("state=ok", "state=absent"), ABSENT) == Finding(AckClass.AHEAD, 17, "absent")
    assert found("failover.checkout=0;state=absent", ABSENT).ack is AckClass.BEHIND


@pytest.mark.parametrize(
    ("outcome", "ack", "text"),
    [
        (Outcome(Verdict.SUCCESS, Reason.OK), AckClass.SILENT, "no header"),
        (Outcome(Verdict.FAILURE, Reason.TIMEOUT, "late"), AckClass.OFFLINE, "timeout: late"),
        (Outcome(Verdict.FAILURE, Reason.STATUS, applied=OK), AckClass.CONFIRMED, ""),
    ],
)
def test_who_says_nothing_never_confirms(outcome: Outcome, ack: AckClass, text: str):
    """Silent and offline are told apart; a header counts even on an answer that is no success."""
    finding = classify(DOCUMENT, heard(outcome))
    assert (finding.ack, finding.text) == (ack, text)


@pytest.mark.parametrize("hearing", [UNHEARD, OUT_OF_DATE])
def test_who_was_not_heard_is_offline(hearing: Hearing):
    """Not to know is not to confirm."""
    assert classify(DOCUMENT, hearing).ack is AckClass.OFFLINE


@pytest.mark.parametrize(
    "header",
    [
        "\x00\xff\xfe garbage",
        OK + "é",
        OK + ", " * 20,
        OK + ";",
        OK.replace("17", "99999999999999999999"),
        OK.replace('"9a3f01c2"', '"9A3F01C2"'),
        OK.replace("state=ok", "state=splendid"),
        'failover.checkout=17;sum="9a3f01c2";state=nack;err=%"%ff%fe"',
        ",".join(f"failover.d{number}=1" for number in range(2000)),
        "x" * (HEADER_BYTES_MAX + 1),
        'a="' + "\\" * 4000,
        "a" + ";b" * 2000 + "!",
    ],
    ids=lambda header: header[:24].encode("ascii", "backslashreplace").decode(),
)
def test_a_hostile_header_says_nothing(header: str):
    """Garbage, foreign characters, huge numbers and thousands of members are silence, with a short reason."""
    finding = found(header)

    assert finding.ack is AckClass.SILENT
    assert finding.text.startswith("header refused: ")
    assert len(finding.text) <= TEXT_CHARACTERS_MAX


def test_thousands_of_foreign_members_hide_nothing():
    """What other libraries put into the header is passed over."""
    foreign = ",".join(f"x{number:x}" for number in range(700))

    assert found(f"{foreign},{OK}").ack is AckClass.CONFIRMED


@settings(deadline=timedelta(seconds=1))
@given(st.text(max_size=HEADER_BYTES_MAX + 10) | st.text("failover.chkut=17;sn\"9af012 %,'", max_size=500))
def test_any_text_is_read_in_time(header: str):
    """Whatever stands in the header, one word comes out, with a bounded text."""
    finding = found(header)

    assert finding.ack in AckClass
    assert len(finding.text) <= TEXT_CHARACTERS_MAX


def test_what_an_instance_says_is_cut():
    """An error of 200 bytes leaves a text of 120 characters."""
    err = "x" * 200
    finding = found(f'failover.checkout=16;sum="00000000";state=nack;observed=17;err=%"{err}"')

    assert finding.text == f"refuses 17, {err}"[:TEXT_CHARACTERS_MAX]


def test_several_checks_speak_as_one():
    """A header counts before a failure, a failure before silence, the latest before earlier ones."""
    spoken, silent = read_header(OK), Hearing(answered=True, text="no header")
    older, failed = read_header(OK.replace("=17", "=16")), Hearing(answered=False, text="timeout: late")

    assert together([]) is UNHEARD
    assert together([silent, failed, spoken, older]) is spoken
    assert together([silent, failed]) is failed
    assert together([silent]) is silent


@pytest.mark.parametrize(
    ("raw", "revision"),
    [
        (b'{"revision":17}', 17),
        (b'{"revision":true}', 0),
        (b'{"revision":"17"}', 0),
        (b'{"revision":1000000000000}', 0),
        (b'{"revision":-1}', 0),
        (b"{}", 0),
        (b"[]", 0),
        (b"\xff", 0),
    ],
)
def test_a_document_is_its_revision_and_its_sum(raw: bytes, revision: int):
    """What stands in Consul is told by the two things that readers acknowledge."""
    document = in_force(SWITCHES, "checkout", raw)

    assert document == InForce(SWITCHES, "checkout", revision, checksum(raw))
    assert document.title == "switches/checkout"
    assert document.id == (SWITCHES, "checkout")
    assert document.comparable is (revision > 0)


def test_the_header_has_its_name():
    """Readers and probers spell it alike."""
    assert APPLIED_HEADER == "Controlplane-Applied"
