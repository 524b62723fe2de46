"""Owns how what a person typed is read: a reason, a duration. What is wrong is told with what is allowed."""

from secrets import token_urlsafe

from controlplane.application.fleet_tree import Mistake, locate
from controlplane.application.fleet_values import duration
from controlplane.application.reasons import REASON_CHARACTERS_MAX, one_line
from controlplane.console.texts import gettext as _

KEY_BYTES = 12
KEY_CHARACTERS_MAX = 200
DURATION_SECONDS_MIN = 1.0
DURATION_SECONDS_MAX = 30 * 24 * 3600.0

_read_duration = duration(DURATION_SECONDS_MIN, DURATION_SECONDS_MAX)


class Mistyped(ValueError):
    """What was typed cannot be meant; the text says why, and what is allowed."""


def reason(text: str) -> str:
    """Why somebody acts.

    Raises:
        Mistyped: there is none, or it is too long or more than one line.
    """
    if not text.strip():
        raise Mistyped(_("Say why: it stands in the history."))
    if len(text) > REASON_CHARACTERS_MAX:
        length = {"count": len(text), "most": REASON_CHARACTERS_MAX}
        raise Mistyped(_("%(count)d characters; at most %(most)d are kept.") % length)
    try:
        return one_line(text)
    except ValueError as error:
        raise Mistyped(_("Not possible: %(why)s.") % {"why": error}) from error


def seconds(text: str) -> float:
    """A duration such as `90s`, `30m`, `2h`.

    Raises:
        Mistyped: it is none, or out of bounds.
    """
    try:
        return _read_duration(locate(text.strip()))
    except Mistake as mistake:
        said = {"wrong": mistake.wrong, "allowed": mistake.allowed}
        raise Mistyped(_("%(wrong)s; allowed: %(allowed)s.") % said) from mistake


def fresh_key() -> str:
    """An idempotency key for one form: sent twice, it is the same act."""
    return token_urlsafe(KEY_BYTES)
