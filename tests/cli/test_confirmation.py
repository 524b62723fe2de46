"""How confirmation reads on a terminal."""

from dataclasses import asdict, replace

import pytest

from controlplane.application.confirm_views import ConfirmationView, SpreadView
from controlplane.cli.confirmation import confirmation_text
from tests.cli.conftest import Command
from tests.fakes.doors import FakeDoors
from tests.web.confirmations import confirmation, straggler
from tests.web.pictures import GOOD

STRAGGLING = confirmation(
    "checkout",
    straggler("pay-2", "nack", "refuses 17, rate: not a float", revision=16),
    straggler("us-1", "behind", revision=16),
    straggler("us-2", "behind", "stale", revision=17),
    straggler("eu-7", "silent", "no header"),
    straggler("ap-1", "offline", "timeout: no complete answer within 0.5 s"),
    instances=45,
    revision=17,
    counts={"nack": 1, "behind": 2, "silent": 1, "offline": 1, "confirmed": 40},
    took=SpreadView(210, 840, 1900),
)


def text(view: ConfirmationView) -> str:
    return confirmation_text(asdict(view))


def test_k_of_n_with_everybody_who_is_missing():
    """Share, speed, and each class with its names; instances' own words where they are of use."""
    assert text(STRAGGLING) == (
        "applied 40 of 45 (88.9 %), p95 0.8 s; "
        'nack: pay-2 "refuses 17, rate: not a float"; '
        'behind: us-1 at 16, us-2 at 17 "stale"; silent: eu-7; offline: ap-1'
    )


def test_what_took_a_blink_is_told_in_milliseconds():
    """Nobody confirms in 0.0 s."""
    quick = confirmation("checkout", took=SpreadView(12, 34, 99))

    assert text(quick) == "applied 45 of 45 (100.0 %), p95 34 ms"


def test_many_are_counted_and_a_few_named():
    """Five names of a class are enough; the number is of all."""
    lost = [straggler(f"us-{number}", "offline") for number in range(7)]
    many = confirmation("checkout", *lost, instances=200, counts={"offline": 120, "confirmed": 80})
    unnamed = confirmation("checkout", *lost, instances=9, counts={"offline": 7, "silent": 2})

    assert text(many) == ("applied 80 of 200 (40.0 %); offline: us-0, us-1, us-2, us-3, us-4 and 115 more")
    assert text(unnamed).endswith("and 2 more; silent: 2")


def test_who_confirms_from_elsewhere_is_named():
    """A value that does not come from Consul is in force all the same, and is shown."""
    view = confirmation("checkout", straggler("us-1", "confirmed", "from disk", revision=16))

    assert text(view) == 'applied 45 of 45 (100.0 %); confirmed: us-1 "from disk"'


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        (confirmation(counts={}, vantages=()), "no trusted vantage has reported on revision 16 yet"),
        (confirmation(instances=0), "nobody follows it"),
    ],
    ids=["unknown", "unfollowed"],
)
def test_nothing_is_said_where_nothing_is_known(view: ConfirmationView, expected: str):
    """No share is made up where nobody was heard, or nobody is there."""
    assert expected in text(view)
    assert "%" not in text(view)


def test_words_from_the_network_move_no_cursor():
    """Control characters and those that reorder text are spelled out."""
    evil = straggler("us-1", "nack", "\x1b[2J\u202eevil", revision=16)

    assert '"\\u001b[2J\\u202eevil"' in text(confirmation("checkout", evil, counts={"nack": 1}))


def test_status_shows_who_has_not_applied_a_switch(controlplane: Command, fakes: FakeDoors):
    """A flip that somebody has not applied stands among what is wrong; a complete one is no news."""
    behind = straggler("pay-2", "behind", revision=41)
    fakes.queries.picture = replace(
        GOOD,
        confirmations=(
            STRAGGLING,
            confirmation("catalog", kind="switches"),
            confirmation(
                "payments", behind, kind="switches", instances=3, counts={"behind": 1, "confirmed": 2}
            ),
        ),
    )
    out = controlplane("status").out

    assert "UNCONFIRMED: switches of payments: applied 2 of 3 (66.7 %); behind: pay-2 at 41" in out
    assert "switches of catalog" not in out
    assert "  applied 40 of 45 (88.9 %), p95 0.8 s; nack: pay-2" in out
