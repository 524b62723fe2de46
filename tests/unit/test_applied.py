"""Promises of the `Controlplane-Applied` header."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.contract.applied import (
    ERROR_BYTES_MAX,
    HEADER_BYTES_MAX,
    Applied,
    AppliedError,
    AppliedSource,
    AppliedState,
    parse,
    render,
    shorten,
)
from controlplane.contract.documents import DocumentKind
from controlplane.contract.keys import REVISION_LIMIT

NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,62}", fullmatch=True)
TEXTS = st.text(alphabet='aZ~ %"\\;,\n\x00\x7füß预😀')
REVISIONS = st.integers(0, REVISION_LIMIT - 1)


@st.composite
def entries(draw: st.DrawFn) -> Applied:
    revision = draw(REVISIONS)
    return Applied(
        kind=draw(st.sampled_from(DocumentKind)),
        name=draw(NAMES),
        revision=revision,
        sum=f"{draw(st.integers(0, 2**32 - 1)):08x}" if revision else "",
        state=draw(st.sampled_from(AppliedState)),
        src=draw(st.sampled_from(AppliedSource)),
        observed=draw(st.none() | REVISIONS),
        err=shorten(draw(TEXTS)),
    )


def entry(name="checkout", **changes) -> Applied:
    fields = {
        "kind": DocumentKind.FAILOVER,
        "name": name,
        "revision": 17,
        "sum": "9a3f01c2",
        "state": AppliedState.OK,
    }
    return Applied(**{**fields, **changes})


@given(st.lists(entries(), max_size=4, unique_by=lambda entry: (entry.kind, entry.name)))
def test_what_is_rendered_is_read_back(listed):
    """Every acknowledgement survives the header unchanged, refusals first."""
    header = render(listed)
    assert header.isascii()
    assert parse(header) == tuple(sorted(listed, key=lambda entry: entry.state is not AppliedState.NACK))


@given(st.text(alphabet=st.characters(max_codepoint=0x7F), max_size=80))
def test_any_text_is_read_or_refused_by_name(text):
    """A hostile header ends in a value or in an `AppliedError`, never in another error."""
    with suppress(AppliedError):
        parse(text)


def test_the_header_reads_as_the_contract_spells_it():
    """The spelling is the one that other languages rely on."""
    refused = entry(state=AppliedState.NACK, observed=18, err='recommendations: 50 % "ü"\n')
    assert render([entry("catalog", src=AppliedSource.DISK), refused]) == (
        'failover.checkout=17;sum="9a3f01c2";state=nack;src=live;observed=18;'
        'err=%"recommendations: 50 %25 %22%c3%bc%22%0a", '
        'failover.catalog=17;sum="9a3f01c2";state=ok;src=disk'
    )


def test_a_reader_without_a_document_says_zero():
    """Where no document is in force the revision is 0 and there is no sum."""
    nothing = entry(revision=0, sum="", state=AppliedState.ABSENT, src=AppliedSource.DEFAULT)
    assert render([nothing]) == "failover.checkout=0;state=absent;src=default"
    assert parse(render([nothing])) == (nothing,)


def test_refusals_survive_a_header_that_is_full():
    """Beyond 4 KiB entries are left out from the end, and refusals stand first."""
    many = [entry(f"group-{number:03d}") for number in range(200)]
    refused = entry(state=AppliedState.NACK, observed=18, err="x" * ERROR_BYTES_MAX)
    header = render([*many, refused])
    assert len(header) <= HEADER_BYTES_MAX
    assert parse(header)[0] == refused
    assert parse(header)[1:] == tuple(many[: len(parse(header)) - 1])


def test_an_error_is_cut_between_characters():
    """A long error is shortened to 200 bytes without breaking a character."""
    assert shorten("预" * 100) == "预" * (ERROR_BYTES_MAX // 3)


def test_newer_readers_may_say_more():
    """Unknown kinds, unknown parameters of every type and missing sources are tolerated."""
    header = (
        "flag, playbooks.x=?1;a, number=-1.25;at=@1768210268;raw=:aGk=:, "
        'failover.checkout=17; sum="9a3f01c2";state=ok;age=4;note="a \\"b\\"",'
        '\tfailover.catalog=1;sum="00000000";state=stale'
    )
    assert [(read.name, read.src) for read in parse(header)] == [("checkout", "live"), ("catalog", "live")]


def test_the_last_of_equal_members_counts():
    """A document that is named twice has the later value, as RFC 9651 says."""
    header = f'{render([entry()])}, failover.checkout=18;sum="00000000";state=ok'
    assert [read.revision for read in parse(header)] == [18]


@pytest.mark.parametrize(
    "header",
    [
        "x" * (HEADER_BYTES_MAX + 1),
        "failover.checkout=17;state=ok",
        'failover.checkout=17;sum="9a3f01c2"',
        'failover.checkout=17;sum="9A3F01C2";state=ok',
        'failover.checkout=0;sum="9a3f01c2";state=ok',
        'failover.checkout=17;sum="9a3f01c2";state=fine',
        'failover.checkout=17;sum="9a3f01c2";state=ok;src=rumour',
        'failover.checkout=1000000000000;sum="9a3f01c2";state=ok',
        'failover.checkout=-1;sum="9a3f01c2";state=ok',
        'failover.checkout;sum="9a3f01c2";state=ok',
        'failover.checkout=17;sum="9a3f01c2";state=ok;observed=x',
        'failover.check_out=17;sum="9a3f01c2";state=ok',
        'failover.checkout=17;sum="9a3f01c2";state=nack;err="plain"',
        'failover.checkout=17;sum="9a3f01c2";state=nack;err=%"%ff"',
        'failover.checkout=17;sum="9a3f01c2";state=nack;err=%"%C3%BC"',
        f'failover.checkout=17;sum="9a3f01c2";state=nack;err=%"{"x" * 201}"',
        'failover.checkout=17;sum="9a3f01c2";state=ok,',
        'failover.checkout=17;sum="9a3f01c2";state=ok failover.catalog=1',
        "failover.checkout=(1 2)",
        "Failover.checkout=1",
        'failover.checkout=17;sum="预"',
        ", a=1",
    ],
)
def test_what_breaks_the_rules_is_refused(header):
    """A header that is too long, malformed or out of bounds is refused as a whole."""
    with pytest.raises(AppliedError):
        parse(header)


def test_revisions_beyond_twelve_digits_cannot_be_said():
    """An acknowledgement of 10¹² or more cannot be built, neither as applied nor as observed."""
    with pytest.raises(AppliedError, match="not between 0 and"):
        entry(revision=REVISION_LIMIT)
    with pytest.raises(AppliedError, match="not between 0 and"):
        entry(observed=REVISION_LIMIT)
