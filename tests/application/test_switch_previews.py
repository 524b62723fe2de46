"""What an act on switches would do: the same as the act does, and nothing of it is written."""

import asyncio

import pytest

from controlplane.application.journaller import LOG_BYTES_MAX
from controlplane.application.ports import DatabaseUnavailable
from controlplane.application.results import Refused
from controlplane.application.switch_views import SwitchPreview
from controlplane.domain.switches import Verb
from tests.application.switch_world import (
    SWITCHES,
    SwitchWorld,
    decide,
    done,
    flip,
    refused,
    restore,
    undo,
)

pytestmark = pytest.mark.looptime


def seen(result: SwitchPreview | Refused) -> SwitchPreview:
    assert isinstance(result, SwitchPreview), result
    return result


@pytest.mark.parametrize(
    "request_",
    [
        flip(),
        flip(percent=25),
        flip(Verb.FORCE, regions=("eu-west",)),
        flip(switch="depth", value=2, regions=("us-east",)),
    ],
    ids=["degrade", "percent", "force", "region"],
)
async def test_a_preview_shows_what_the_flip_then_does(request_) -> None:
    """Before and after are those of the log entry that the flip writes; until then nothing has changed."""
    world = SwitchWorld()
    async with world.switched() as replica:
        door = replica.doors.switches
        raw = world.value(SWITCHES)
        preview = seen(await door.preview(request_))
        assert (world.value(SWITCHES), world.logged(), preview.revision) == (raw, [1], 1)

        done(await door.flip(request_))
        await asyncio.sleep(2)
        row = (await replica.doors.queries.changes(kind="switches", name="checkout", before=None, limit=1))[0]
        assert (preview.before, preview.after) == (row.before, row.after)


async def test_a_preview_of_what_is_so_already_is_empty() -> None:
    """A switch that is normal would not be changed by restoring it."""
    world = SwitchWorld()
    async with world.switched() as replica:
        preview = seen(await replica.doors.switches.preview(restore()))

        assert (preview.service, preview.before, preview.after) == ("checkout", {}, {})


async def test_a_preview_is_refused_as_the_act_would_be() -> None:
    """A value of another type, an older revision, an unknown revision: with the act's own words."""
    world = SwitchWorld()
    async with world.switched() as replica:
        door = replica.doors.switches
        done(await door.flip(flip()))
        for request, code in (
            (flip(value="x"), "value_not_allowed"),
            (flip(expected_revision=1), "revision_changed"),
            (flip(service="nothing"), "unknown_service"),
        ):
            assert refused(await door.preview(request), code) == refused(await door.flip(request), code)
        assert refused(await door.preview(undo(9)), "unknown_revision") == refused(
            await door.undo(undo(9)), "unknown_revision"
        )
        refused(await door.preview(decide("adopt")), "no_drift")


async def test_an_undo_shows_what_comes_back() -> None:
    """The switch as it was before the revision, from the document as it is now."""
    world = SwitchWorld()
    async with world.switched() as replica:
        door = replica.doors.switches
        done(await door.flip(flip()))
        preview = seen(await door.preview(undo(2)))

        assert (preview.before["recs"]["state"], preview.after["recs"]["state"]) == ("degraded", "normal")
        assert (world.revision(), preview.revision) == (2, 2)


@pytest.mark.parametrize(("policy", "value"), [("adopt", True), ("enforce", False)])
async def test_both_ways_out_of_a_drift_can_be_looked_at(policy: str, *, value: bool) -> None:
    """Adopting shows what the foreign hand wrote, enforcing what was published last; the drift stays."""
    world = SwitchWorld()
    async with world.switched() as replica:
        door = replica.doors.switches
        normal = world.switches().switches
        done(await door.flip(flip()))
        raw = world.edit(switches=normal)
        await asyncio.sleep(5)
        preview = seen(await door.preview(decide(policy)))

        assert (preview.before["recs"]["value"], preview.after["recs"]["value"]) == (not value, value)
        assert world.value(SWITCHES) == raw


async def test_a_document_that_cannot_be_read_has_no_revision_to_be_looked_at() -> None:
    """Enforcing over bytes that are no document brings back everything."""
    world = SwitchWorld()
    async with world.switched() as replica:
        world.server.edit(SWITCHES, b"{}")
        await asyncio.sleep(5)
        preview = seen(await replica.doors.switches.preview(decide("enforce")))

        assert (preview.revision, preview.before) == (None, {})
        assert preview.after.keys() == {"recs", "depth"}


async def test_a_preview_says_that_the_log_is_full() -> None:
    """Whoever could not flip is told before the review, not after it."""
    world = SwitchWorld()
    async with world.switched() as replica:
        grounds = replica.doors.switches.previews.grounds  # type: ignore[attr-defined]
        grounds.log_bytes = lambda: LOG_BYTES_MAX + 1

        refused(await replica.doors.switches.preview(flip()), "history_full")


async def test_what_is_older_than_the_log_needs_history() -> None:
    """Without PostgreSQL the preview of such an undo says so, as the undo does."""
    world = SwitchWorld()
    async with world.switched() as replica:
        world.journal.away = True

        with pytest.raises(DatabaseUnavailable):
            await replica.doors.switches.preview(undo(9))
