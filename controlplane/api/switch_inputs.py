"""Owns what is admitted at the door for switches: values, shares, ends, and what is done with each."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, Self

from fastapi import Path
from pydantic import AwareDatetime, BeforeValidator, Field, model_validator

from controlplane.api.inputs import Body, Duration, Name, Reason
from controlplane.application.fleet_limits import REGIONS_MAX
from controlplane.application.fleet_tree import FleetFileError, Mistake, locate
from controlplane.application.fleet_values import json_value
from controlplane.contract.keys import REVISION_LIMIT
from controlplane.contract.switches import PERCENT_MAX
from controlplane.domain.switches import PERCENT_MIN, Flip, Given, Verb


def _json(value: Any) -> Any:
    try:
        return json_value(locate(value))
    except Mistake as mistake:
        raise ValueError(f"{mistake.wrong}; allowed: {mistake.allowed}") from mistake
    except FleetFileError as error:
        raise ValueError(str(error)) from error


ServiceInPath = Annotated[Name, Path(description="Name of the service.")]
SwitchInPath = Annotated[Name, Path(description="Name of the switch.")]
Value = Annotated[Any, BeforeValidator(_json)]
Regions = Annotated[tuple[Name, ...], Field(max_length=REGIONS_MAX)]


class RestoreBody(Body):
    """Where to restore a switch, and why."""

    reason: Reason
    """Why, in one line; it stands in the history."""
    regions: Regions = ()
    """The regions whose override ends; absent: the base entry, and the overrides stay."""

    def flip(self, switch: str) -> Flip:
        """What is asked of the switch."""
        return Flip(switch, Verb.RESTORE, self.regions)


class ForceBody(Body):
    """Where to hold a switch at its normal value, until when, and why."""

    reason: Reason
    """Why, in one line; it stands in the history."""
    regions: Regions = ()
    """Only in these regions; absent: the base entry."""
    until: AwareDatetime | None = None
    """When it ends by itself, RFC 3339 with a time zone; at most 30 days ahead."""
    duration_seconds: Annotated[Duration | None, Field(alias="for")] = None
    """Instead of `until`, counted from now, as the fleet file writes durations: `90s`, `30m`, `2h`."""

    @model_validator(mode="after")
    def _ends_once(self) -> Self:
        if self.until is not None and self.duration_seconds is not None:
            raise ValueError("either `until` or `for` is wanted, or neither")
        return self

    def end(self, now: datetime) -> datetime | None:
        """When it ends by itself; None: when somebody restores it."""
        if self.duration_seconds is not None:
            return now + timedelta(seconds=self.duration_seconds)
        return self.until

    def flip(self, switch: str, now: datetime) -> Flip:
        """What is asked of the switch."""
        return Flip(switch, Verb.FORCE, self.regions, expires_at=self.end(now))


class DegradeBody(ForceBody):
    """What to degrade a switch to, where, for whom, until when, and why."""

    value: Value = None
    """The value while degraded; absent: the one that the fleet file declares."""
    percent: Annotated[int | None, Field(ge=PERCENT_MIN, le=PERCENT_MAX, strict=True)] = None
    """Share of units that are degraded; not together with `regions`."""

    def flip(self, switch: str, now: datetime) -> Flip:
        """What is asked of the switch."""
        return Flip(
            switch,
            Verb.DEGRADE,
            self.regions,
            value=Given(self.value) if "value" in self.model_fields_set else None,
            percent=self.percent,
            expires_at=self.end(now),
        )


class UndoBody(Body):
    """Which change to take back, and why."""

    revision: Annotated[int, Field(ge=1, lt=REVISION_LIMIT, strict=True)]
    """The revision that the change published."""
    reason: Reason
    """Why, in one line; it stands in the history."""


class DriftBody(Body):
    """Which of the two is right, and why."""

    policy: Literal["adopt", "enforce"]
    """`adopt` what stands in Consul, or `enforce` what was published last."""
    reason: Reason
    """Why, in one line; it stands in the history."""
