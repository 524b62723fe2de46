"""Promises of the story's own judgement: what it accepts, what it names, and how it tells it."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest

from controlplane.processes.story.timeline import (
    FAULT_TO_APPLIED_MS_MAX,
    History,
    Step,
    StepName,
    StoryResult,
    summarise,
    verify,
)
from controlplane.processes.story.watching import Interrupted, first, polled, within

TIMES = (0, 2050, 2900, 4950, 4957, 4990, 9000, 9050)
STEPS = [Step(name, at) for name, at in zip(StepName, TIMES, strict=True)]
HISTORY = History(
    revision_before=3,
    revision_moved=4,
    revision_back=5,
    kind_of_move="automatic",
    mirrored="eu-west",
    moved_to="eu-west",
    rows={3: "c", 4: "d", 5: "e"},
    published={4: "d", 5: "e"},
)


def test_a_story_as_promised_is_accepted():
    """Steps in order, in time, one revision each, and a row of history for every change."""
    assert verify(STEPS, HISTORY) == []
    assert StoryResult(STEPS).fault_to_applied_ms == 4990


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"revision_moved": 5}, "the move took revision 3 to 5"),
        ({"revision_back": 7}, "the failback took revision 4 to 7"),
        ({"kind_of_move": "manual"}, "the move was manual, not automatic"),
        ({"mirrored": "us-east"}, "values/ said 'us-east' while eu-west was active"),
        ({"rows": {3: "c", 4: "d"}}, "revision 5 is e in Consul and missing in history"),
        ({"rows": {4: "x", 5: "e"}}, "revision 4 is d in Consul and x in history"),
    ],
)
def test_what_does_not_agree_is_named(changes, problem):
    """Documents, mirror and history are compared, and each difference is a sentence."""
    assert problem in verify(STEPS, replace(HISTORY, **changes))


def test_steps_that_are_late_missing_or_out_of_order_are_named():
    """The limit of six seconds, the list of steps and their order are checked."""
    late = [replace(step, at_ms=step.at_ms + FAULT_TO_APPLIED_MS_MAX) for step in STEPS]
    assert verify(late, HISTORY) == ["fault → applied took 10990 ms, at most 6000 are promised"]
    assert "the steps are loss, detection" in verify(STEPS[:2], HISTORY)[0]
    swapped = [STEPS[0], replace(STEPS[1], at_ms=3000), *STEPS[2:]]
    assert verify(swapped, HISTORY) == ["region_down came before detection"]


def test_a_story_is_told_to_people_and_programs():
    """The table has a line per step and the verdict; the object has steps, fault_to_applied_ms and ok."""
    result = StoryResult(STEPS, ["something"])
    assert "propagation      4990 ms  +33 ms" in result.to_text()
    assert result.to_text().endswith("NOT everything held")
    told = result.to_json()
    assert told["steps"][0] == {"name": "loss", "at_ms": 0}
    assert (told["fault_to_applied_ms"], told["ok"], told["problems"]) == (4990, False, ["something"])


def test_several_stories_are_summed_up():
    """How many held, and the spread of the time that matters."""
    summary = summarise([StoryResult(STEPS), StoryResult([], ["broke off"])])
    assert (summary["runs"], summary["ok_runs"], summary["ok"]) == (2, 1, False)
    assert summary["fault_to_applied_ms"] == {"min": 4990, "median": 4990, "max": 4990}
    assert summarise([])["fault_to_applied_ms"] == {"min": None, "median": None, "max": None}


@pytest.mark.looptime
async def test_waiting_ends_with_the_first_value_or_with_a_sentence():
    """A poll stops at the first value that fits; one that never comes is named after its deadline."""
    asked = []

    async def ask() -> int:
        asked.append(asyncio.get_running_loop().time())
        return len(asked)

    async def nothing() -> AsyncGenerator[int, None]:
        for value in list[int]():
            yield value

    assert await within(10, "there are three", first(polled(ask, 1.0), lambda value: value == 3)) == 3
    with pytest.raises(Interrupted, match="waited 10 s in vain until there are none"):
        await within(10, "there are none", first(polled(ask, 1.0), lambda value: value == 0))
    with pytest.raises(Interrupted, match="a watch ended"):
        await first(nothing(), bool)
