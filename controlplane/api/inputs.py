"""Owns what is admitted at the door of the API: names, reasons, times, and the two headers of acts."""

import re
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, Self

from fastapi import Depends, Header, Path
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

from controlplane.api.problems import ProblemError
from controlplane.application.fleet_tree import Mistake, locate
from controlplane.application.fleet_values import duration
from controlplane.application.reasons import REASON_CHARACTERS_MAX, one_line
from controlplane.contract.names import NAME_RULE, is_name

OVERRIDES_MAX = 20
OVERRIDE_CHARACTERS_MAX = 100
IDEMPOTENCY_KEY_CHARACTERS_MAX = 200
RESTRAINT_SECONDS_MIN = 1.0
RESTRAINT_SECONDS_MAX = 30 * 24 * 3600.0
"""A restraint that nobody ends is forgotten: after this long it has to be asked for again."""

_REVISION_TAG = re.compile(r'"([0-9]{1,12})"')
_IDEMPOTENCY_KEY = re.compile(rf"[\x21-\x7e]{{1,{IDEMPOTENCY_KEY_CHARACTERS_MAX}}}")


def _name(text: str) -> str:
    if not is_name(text):
        raise ValueError(f"not a name; a name is {NAME_RULE}")
    return text


_read_duration = duration(RESTRAINT_SECONDS_MIN, RESTRAINT_SECONDS_MAX)


def _seconds(value: Any) -> float:
    try:
        return _read_duration(locate(value))
    except Mistake as mistake:
        raise ValueError(f"{mistake.wrong}; allowed: {mistake.allowed}") from mistake


Name = Annotated[str, AfterValidator(_name)]
GroupInPath = Annotated[Name, Path(description="Name of the failover group.")]
Reason = Annotated[str, Field(min_length=1, max_length=REASON_CHARACTERS_MAX), AfterValidator(one_line)]
Duration = Annotated[
    float, BeforeValidator(_seconds), WithJsonSchema({"type": "string", "examples": ["90s", "30m", "2h"]})
]
Override = Annotated[str, Field(min_length=1, max_length=OVERRIDE_CHARACTERS_MAX), AfterValidator(one_line)]


class Body(BaseModel):
    """What all bodies share: nothing unknown is in them, and nobody changes them."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class PlanBody(Body):
    """Which move to plan."""

    to: Name
    """The region to move to."""


class MoveBody(Body):
    """Which move to make, and why."""

    to: Name
    """The region to move to."""
    reason: Reason
    """Why, in one line; it stands in the history."""
    overrides: Annotated[tuple[Override, ...], Field(max_length=OVERRIDES_MAX)] = ()
    """Names of the gates that may fail, as the plan shows them."""


class _Restraint(Body):
    scope: Literal["fleet", "group", "region"]
    """`fleet`, one `group`, or a `region` in maintenance."""
    name: Name | None = None
    """Of the group or region; absent for the fleet."""
    reason: Reason
    """Why, in one line; it stands in the history."""

    @model_validator(mode="after")
    def _named_unless_fleet(self) -> Self:
        if (self.scope == "fleet") is not (self.name is None):
            raise ValueError("`name` goes with scope `group` or `region`, and with these only")
        return self


class PauseBody(_Restraint):
    """What to restrain and for how long."""

    until: AwareDatetime | None = None
    """When it ends, RFC 3339 with a time zone; at most 30 days ahead."""
    duration_seconds: Annotated[Duration | None, Field(alias="for")] = None
    """Instead of `until`, counted from now, as the fleet file writes durations: `90s`, `30m`, `2h`."""

    @model_validator(mode="after")
    def _ends_once(self) -> Self:
        if (self.until is None) is (self.duration_seconds is None):
            raise ValueError("either `until` or `for` is wanted")
        return self

    def end(self, now: datetime) -> datetime:
        """When the restraint ends.

        Raises:
            ProblemError: not ahead of `now`, or too far ahead.
        """
        if self.until is None:
            return now + timedelta(seconds=self.duration_seconds or 0)
        if not RESTRAINT_SECONDS_MIN <= (self.until - now).total_seconds() <= RESTRAINT_SECONDS_MAX:
            raise ProblemError(422, "invalid_request", "`until` lies ahead, and at most 30 days.")
        return self.until


class ResumeBody(_Restraint):
    """Which restraint to end before its time."""


def _expected_revision(
    if_match: Annotated[
        str | None, Header(description='The revision that the decision was made from, as a tag: `"17"`.')
    ] = None,
) -> int | None:
    if if_match is None:
        return None
    match = _REVISION_TAG.fullmatch(if_match.strip())
    if match is None:
        raise ProblemError(422, "invalid_request", 'If-Match is one revision in quotes, such as `"17"`.')
    return int(match.group(1))


def _idempotency_key(
    idempotency_key: Annotated[
        str | None,
        Header(
            description="Makes a repeated request the same act: it takes effect once, whoever receives it."
        ),
    ] = None,
) -> str | None:
    if idempotency_key is not None and not _IDEMPOTENCY_KEY.fullmatch(idempotency_key):
        raise ProblemError(
            422,
            "invalid_request",
            f"Idempotency-Key is 1 to {IDEMPOTENCY_KEY_CHARACTERS_MAX} printable ASCII characters.",
        )
    return idempotency_key


ExpectedRevision = Annotated[int | None, Depends(_expected_revision)]
IdempotencyKey = Annotated[str | None, Depends(_idempotency_key)]
