"""What a prober hears of documents, in virtual time: bursts after publications, and who confirms."""

import asyncio
from dataclasses import replace

import pytest

from controlplane.application.confirm_bursting import (
    AFTER_SECONDS,
    JITTER_SHARE,
    PROBES_IN_FLIGHT_MAX,
    PROBES_PER_TURN_MAX,
    TURN_SECONDS,
)
from controlplane.application.confirm_listening import ANNOUNCE_SECONDS_MIN
from controlplane.domain.fleet import Check, CheckType
from controlplane.domain.outcome import Outcome, Reason, Verdict
from controlplane.domain.report import CellCounts
from tests.application.readers import (
    OFTEN,
    SELDOM,
    SWITCHES,
    TITLE,
    ReadersRig,
    document,
    fleet_of,
    says,
)
from tests.fakes.probes import BROKEN, HANGING, NO_DESCRIPTORS, UP

pytestmark = pytest.mark.looptime

FIRST, SECOND, THIRD = document(1), document(2), document(3)
ROUNDS = len(AFTER_SECONDS)
BURST_SECONDS = AFTER_SECONDS[-1] * (1 + JITTER_SHARE) + 0.5
"""Until the last question of a burst was asked, however it was held up."""


@pytest.fixture
def rig() -> ReadersRig:
    return ReadersRig()


async def test_what_stood_there_before_has_no_speed(rig: ReadersRig):
    """A prober that comes later knows who confirms, and not how long that took."""
    async with rig.steady(fleet_of()):
        assert (rig.tally().revision, rig.tally().spread) == (1, None)
        assert rig.tally().totals == {"us-east": 2, "eu-west": 2}


async def test_a_publication_is_confirmed_in_a_moment(rig: ReadersRig):
    """Readers that apply it after 0.3 s are heard to confirm within 0.7 s, and not asked again after that."""
    async with rig.steady(fleet_of(10)):
        rig.publish(SECOND)
        rig.apply_after(0.3, SECOND, 2)
        await asyncio.sleep(0.15)
        assert rig.counts() == {"behind": 20}

        await asyncio.sleep(0.6)
        assert rig.counts() == {"confirmed": 20}
        spread = rig.tally().spread
        assert spread is not None
        assert 300 <= spread.p50_ms <= spread.p95_ms <= spread.max_ms <= 700
        asked, beats = rig.probe.started.total(), rig.prober.started
        assert 20 * 2 < asked <= 20 * 3 + 1
        await asyncio.sleep(BURST_SECONDS)
        assert rig.probe.started.total() - asked == rig.prober.started - beats


async def test_who_never_confirms_is_asked_six_times(rig: ReadersRig):
    """At once and after 0.2, 0.5, 1, 2 and 4 s, each a little late; then the timetable goes on alone."""
    async with rig.steady(fleet_of(1)):
        rig.say(says(SECOND, 2), "eu-west-0")
        rig.publish(SECOND)
        beats, asked, times = rig.prober.started, 0, []
        for step in range(700):
            await asyncio.sleep(0.01)
            if rig.probe.started["us-east-0"] > asked:
                asked = rig.probe.started["us-east-0"]
                times.append(step * 0.01)
        beats = rig.prober.started - beats
        assert rig.probe.started.total() == ROUNDS + 1 + beats
        for after, at in zip(AFTER_SECONDS, times, strict=True):
            assert after <= at + 0.011 <= after * (1 + JITTER_SHARE) + 0.1


async def test_a_burst_takes_nobody_down(rig: ReadersRig):
    """A failure in a burst ends it for that instance; health and `offline` are the timetable's to say."""
    async with rig.steady(fleet_of(1, replace(SELDOM, rise=1, fall=1))):
        health = rig.prober.sight().cells
        rig.say(BROKEN, "us-east-0")
        rig.publish(SECOND)
        await asyncio.sleep(BURST_SECONDS)

        assert rig.probe.started["us-east-0"] == 1
        assert rig.prober.sight().cells == health
        assert rig.counts() == {"behind": 2}
        await asyncio.sleep(SELDOM.interval_seconds)
        assert rig.counts() == {"behind": 1, "offline": 1}


async def test_a_burst_brings_nobody_up(rig: ReadersRig):
    """Five successes in four seconds are no beats of the timetable either."""
    rig.publish(FIRST)
    rig.say(Outcome(Verdict.FAILURE, Reason.STATUS, status=503, applied=says(FIRST, 1).applied))
    rig.prober.adopt(fleet_of(1, replace(SELDOM, rise=2, fall=1)))
    async with rig.running():
        await asyncio.sleep(SELDOM.interval_seconds + 1)
        assert set(rig.prober.sight().cells.values()) == {CellCounts(down=1)}
        rig.say(says(FIRST, 1))
        rig.publish(SECOND)
        await asyncio.sleep(BURST_SECONDS)

        assert rig.probe.started["us-east-0"] >= ROUNDS
        assert set(rig.prober.sight().cells.values()) == {CellCounts(down=1)}


async def test_a_burst_leaves_the_timetable_alone(rig: ReadersRig):
    """Beside a burst, every beat comes when it would have come without one."""
    alone = ReadersRig()
    async with alone.steady(fleet_of(20, OFTEN)), rig.steady(fleet_of(20, OFTEN)):
        before = alone.prober.started, rig.prober.started
        rig.publish(SECOND)
        await asyncio.sleep(BURST_SECONDS)

        assert rig.prober.started - before[1] == alone.prober.started - before[0]
        assert rig.probe.started.total() >= rig.prober.started - before[1] + 40 * ROUNDS


async def test_the_silent_and_the_lost_are_not_asked(rig: ReadersRig):
    """Who says nothing, or failed last, costs no burst: a region that hangs holds nobody up."""
    async with rig.steady(fleet_of(3, OFTEN)):
        rig.say(UP, "us-east-0")
        rig.say(HANGING, "us-east-1")
        await asyncio.sleep(2)
        assert rig.counts() == {"silent": 1, "offline": 1, "confirmed": 4}
        rig.apply_after(0.01, SECOND, 2, "us-east-2", "eu-west")
        rig.publish(SECOND)
        before = rig.prober.started
        started = rig.probe.started.copy()
        await asyncio.sleep(0.4)
        timetable = rig.prober.started - before
        assert (rig.probe.started - started).total() <= timetable + 4 * 2
        assert rig.counts() == {"silent": 1, "offline": 1, "confirmed": 4}


async def test_a_burst_is_bounded(rig: ReadersRig):
    """Of 2,000 readers that hang suddenly, 64 are asked at a time; of those that answer, 500 a second."""
    async with rig.steady(fleet_of(1000)):
        rig.publish(SECOND)
        rig.apply_after(0.0, SECOND, 2)
        for _ in range(10):
            before, beats = rig.probe.started.total(), rig.prober.started
            await asyncio.sleep(0.5)
            asked = rig.probe.started.total() - before - (rig.prober.started - beats)
            assert asked <= (0.5 / TURN_SECONDS + 1) * PROBES_PER_TURN_MAX
        assert rig.counts() == {"confirmed": 2000}

        rig.say(HANGING)
        rig.publish(THIRD)
        for _ in range(20):
            await asyncio.sleep(0.05)
            assert rig.probe.in_flight - rig.prober._in_flight.total() <= PROBES_IN_FLIGHT_MAX


async def test_a_new_publication_ends_the_former_burst(rig: ReadersRig):
    """Two publications in a row cost no more than twelve questions, and the last one counts."""
    async with rig.steady(fleet_of(1)):
        rig.publish(SECOND)
        await asyncio.sleep(0.3)
        first = rig.probe.started["us-east-0"]
        rig.publish(THIRD)
        await asyncio.sleep(BURST_SECONDS)
        assert first == 2
        assert rig.probe.started["us-east-0"] == first + ROUNDS
        assert rig.tally().revision == 3


async def test_faults_of_ours_end_no_burst(rig: ReadersRig):
    """What we fail to ask says nothing of anybody, and is asked again."""
    async with rig.steady(fleet_of(1)):
        rig.say(NO_DESCRIPTORS)
        rig.publish(SECOND)
        rig.apply_after(0.3, SECOND, 2)
        await asyncio.sleep(0.1)
        assert rig.counts() == {"behind": 2}
        await asyncio.sleep(0.6)
        assert rig.counts() == {"confirmed": 2}


async def test_a_restart_clears_what_was_acknowledged(rig: ReadersRig):
    """Who fails has confirmed nothing any more; who comes back says again what it holds."""
    async with rig.steady(fleet_of(1, OFTEN)):
        rig.publish(SECOND)
        rig.apply_after(0.0, SECOND, 2)
        await asyncio.sleep(1)
        fastest = rig.tally().spread
        rig.say(BROKEN, "us-east-0")
        await asyncio.sleep(1.1)
        assert rig.counts() == {"offline": 1, "confirmed": 1}
        rig.say(says(FIRST, 1, more="state=stale;src=disk"), "us-east-0")
        await asyncio.sleep(1.1)
        assert rig.counts() == {"behind": 1, "confirmed": 1}
        assert rig.tally().stragglers[0].text == "stale, from disk"
        rig.say(says(SECOND, 2), "us-east-0")
        await asyncio.sleep(1.1)
        assert rig.counts() == {"confirmed": 2}
        assert rig.tally().spread == fastest


async def test_what_was_heard_too_long_ago_is_forgotten(rig: ReadersRig):
    """When only faults of ours come in, nobody is said to confirm for longer than the check is believed."""
    async with rig.steady(fleet_of(1, OFTEN)):
        rig.say(NO_DESCRIPTORS)
        await asyncio.sleep(2)
        assert rig.counts() == {"confirmed": 2}
        await asyncio.sleep(4)
        assert rig.counts() == {"offline": 2}
        assert rig.tally().stragglers[0].text == "not heard for too long"
        rig.say(says(FIRST, 1))
        await asyncio.sleep(1.1)
        assert rig.counts() == {"confirmed": 2}


async def test_a_probe_that_was_overtaken_says_nothing(rig: ReadersRig):
    """An answer to an older question does not undo one to a newer question."""
    definitions = fleet_of(1)
    (instance, *_), check = definitions.fleet.services[0].instances, SELDOM
    async with rig.steady(definitions):
        rig.publish(SECOND)
        await asyncio.sleep(0.1)
        now = rig.clock.monotonic()
        rig.listening.hear(instance, check, says(SECOND, 2), now)
        rig.listening.hear(instance, check, says(FIRST, 1), now - 0.01)
        rig.listening.hear(instance, check, BROKEN, now - 1)
        assert rig.tally().regions["us-east"] == {"confirmed": 1}


async def test_who_is_not_of_the_fleet_is_not_heard(rig: ReadersRig):
    """An outcome for an instance or a check that was dropped changes nothing."""
    definitions = fleet_of(2)
    gone = definitions.fleet.services[0].instances[1]
    async with rig.steady(definitions):
        rig.prober.adopt(fleet_of(1, revision=2))
        rig.listening.hear(gone, SELDOM, BROKEN, rig.clock.monotonic())
        rig.listening.hear(
            definitions.fleet.services[0].instances[0],
            replace(SELDOM, name="gone"),
            BROKEN,
            rig.clock.monotonic(),
        )
        assert rig.counts() == {"confirmed": 2}


async def test_new_definitions_keep_what_was_heard(rig: ReadersRig):
    """Whoever stays at its address stays heard, with its times; who is new or moved is not heard yet."""
    async with rig.steady(fleet_of(2)):
        rig.publish(SECOND)
        rig.apply_after(0.1, SECOND, 2)
        await asyncio.sleep(1)
        assert rig.tally().spread is not None
        larger = fleet_of(3, revision=2)
        moved = replace(larger.fleet.services[0].instances[0], port=9999)
        service = replace(
            larger.fleet.services[0], instances=(moved, *larger.fleet.services[0].instances[1:])
        )
        rig.prober.adopt(replace(larger, fleet=replace(larger.fleet, services=(service,))))

        assert rig.counts() == {"offline": 3, "confirmed": 3}
        assert rig.tally().spread is not None
        assert {who.text for who in rig.tally().stragglers} == {"not heard yet"}


async def test_a_burst_is_over_for_an_instance_that_left(rig: ReadersRig):
    """Who leaves the fleet, or the service whose document it is, is asked no more."""
    async with rig.steady(fleet_of(2)):
        rig.publish(SECOND)
        await asyncio.sleep(0.1)
        definitions = fleet_of(1, revision=2)
        rig.prober.adopt(replace(definitions, fleet=replace(definitions.fleet, groups=())))
        asked = rig.probe.started.copy()
        await asyncio.sleep(BURST_SECONDS)
        assert (rig.probe.started - asked).total() <= 1
        assert rig.listening.tallies() == {}


async def test_several_checks_speak_as_one(rig: ReadersRig):
    """The check that brings the header speaks, and is asked again after a publication; TCP never speaks."""
    ready = replace(OFTEN, name="ready", path="/ready")
    tcp = Check("tcp", CheckType.TCP, interval_seconds=1.0, timeout_seconds=0.5)
    async with rig.steady(fleet_of(1, OFTEN, ready, tcp)):
        rig.say(says(FIRST, 1), "api")
        rig.say(UP, "ready")
        rig.probe.outcomes = {name: rig.probe.outcomes[name] for name in ("api", "ready")}
        rig.probe.outcomes["tcp"] = BROKEN
        await asyncio.sleep(2)
        assert rig.counts() == {"confirmed": 2}
        rig.publish(SECOND)
        asyncio.get_running_loop().call_later(0.1, rig.probe.outcomes.update, {"api": says(SECOND, 2)})
        await asyncio.sleep(0.35)
        assert rig.counts() == {"confirmed": 2}
        rig.probe.outcomes["api"] = BROKEN
        await asyncio.sleep(1.1)
        assert rig.counts() == {"offline": 2}


async def test_without_http_there_is_silence(rig: ReadersRig):
    """An instance that is only connected to says nothing, and may be offline."""
    rig.publish(FIRST)
    rig.prober.adopt(fleet_of(1, Check("tcp", CheckType.TCP, interval_seconds=1.0, timeout_seconds=0.5)))
    rig.say(BROKEN, "us-east-0")
    async with rig.running():
        await asyncio.sleep(2)
        assert rig.counts() == {"silent": 1, "offline": 1}


async def test_an_unchanged_word_is_no_news(rig: ReadersRig):
    """While readers repeat themselves nothing is announced; in a burst, ten times a second at most."""
    async with rig.steady(fleet_of(100, OFTEN)):
        rig.announced.clear()
        await asyncio.sleep(10)
        assert rig.announced == []
        rig.publish(SECOND)
        for number in range(100):
            rig.apply_after(0.01 * number, SECOND, 2, f"us-east-{number}", f"eu-west-{number}")
        await asyncio.sleep(2)
        assert 2 <= len(rig.announced) <= 2 / ANNOUNCE_SECONDS_MIN + 1
        assert rig.counts() == {"confirmed": 200}


async def test_switch_documents_are_followed_alike(rig: ReadersRig):
    """The first document of a service's switches is a publication as any other."""
    async with rig.steady(fleet_of(1)):
        assert [*rig.listening.tallies()] == [TITLE]
        rig.publish(FIRST, SWITCHES)
        both = f"{says(FIRST, 1).applied}, {says(FIRST, 1, kind=SWITCHES).applied}"
        rig.say(replace(says(FIRST, 1), applied=both))
        await asyncio.sleep(0.4)
        assert rig.counts("switches/checkout") == {"confirmed": 2}
        assert rig.tally("switches/checkout").spread is not None
        assert rig.counts() == {"confirmed": 2}


async def test_a_store_that_went_back_is_seen_at_once(rig: ReadersRig):
    """Readers that hold more than Consul are ahead; where the document is gone, too."""
    async with rig.steady(fleet_of(1)):
        before = rig.consul.snapshot()
        rig.publish(SECOND)
        rig.apply_after(0.0, SECOND, 2)
        await asyncio.sleep(0.5)
        rig.consul.restore(before)
        await asyncio.sleep(4)
        assert rig.counts() == {"ahead": 2}
        assert {who.revision for who in rig.tally().stragglers} == {2}
        rig.consul.delete("controlplane/failover/checkout")
        await asyncio.sleep(4)
        assert rig.counts() == {"ahead": 2}
        assert rig.tally().revision == 0
        rig.publish(THIRD)
        rig.apply_after(0.0, THIRD, 3)
        await asyncio.sleep(0.5)
        assert rig.counts() == {"confirmed": 2}


async def test_a_document_that_nobody_has_is_not_reported(rig: ReadersRig):
    """Readers that wait for a first document are behind nothing."""
    rig.say(says(None, more="state=absent;src=default"))
    rig.prober.adopt(fleet_of(1, OFTEN))
    async with rig.running():
        await asyncio.sleep(2)
        assert rig.listening.tallies() == {}


async def test_listening_outlives_an_outage_of_consul(rig: ReadersRig, caplog: pytest.LogCaptureFixture):
    """While Consul is away what was read stays; what was published meanwhile is noticed on its return."""
    async with rig.steady(fleet_of(1)):
        rig.consul.go_away()
        await asyncio.sleep(20)
        assert rig.counts() == {"confirmed": 2}
        assert "documents are not watched" in caplog.text
        rig.consul.come_back()
        rig.publish(SECOND)
        rig.apply_after(0.0, SECOND, 2)
        await asyncio.sleep(2)
        assert rig.counts() == {"confirmed": 2}
        assert rig.tally().revision == 2


async def test_a_hostile_header_is_silence(rig: ReadersRig):
    """Garbage of any size is read once, and says nothing."""
    async with rig.steady(fleet_of(2, OFTEN)):
        rig.say(replace(UP, applied="\x00" * 4096), "us-east-0")
        rig.say(replace(UP, applied=",".join(["x=1"] * 1000)), "us-east-1")
        rig.say(replace(UP, applied="failover.checkout=1;é"), "eu-west-0")
        await asyncio.sleep(2)
        assert rig.counts() == {"silent": 3, "confirmed": 1}
