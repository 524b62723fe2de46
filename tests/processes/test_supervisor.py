"""The supervisor brings children up in order, keeps them up, and leaves none behind."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest
import uvloop

from controlplane.processes.child import Lifetime
from controlplane.processes.errors import ProcessError
from tests.processes.dummies import STUBBORN, diarist, dummy
from tests.processes.supervised import PATIENCE_SECONDS, Run, is_alive, running, until


async def test_stages_start_in_order_and_end_the_other_way_round(tmp_path: Path) -> None:
    """A stage starts when the one before is ready, and ends when the one after has ended."""
    diary = tmp_path / "diary"
    table = [
        diarist("outer", diary, stage=2),
        diarist("inner", diary, stage=1),
        diarist("ground", diary, stage=0),
    ]
    async with running(*table):
        pass

    starts = ["ground starts", "inner starts", "outer starts"]
    assert diary.read_text().splitlines() == [*starts, "outer ends", "inner ends", "ground ends"]


async def test_children_of_one_stage_start_together(tmp_path: Path) -> None:
    """A child of a stage does not wait for its neighbour."""
    gate = tmp_path / "gate"
    waits = dummy("waits", is_ready=gate.exists)
    opens = dummy("opens", f"open({str(gate)!r}, 'w'); import time; time.sleep(600)")
    async with running(waits, opens) as run:
        assert {"waits", "opens"} == set(run.pids)


async def test_a_killed_child_is_started_again() -> None:
    """After kill -9 another process runs under the child's name, and the change is told."""
    async with running(dummy("one")) as run:
        former = run.pids["one"]
        os.kill(former, signal.SIGKILL)
        await until(lambda: run.pids.get("one", former) != former)

        assert is_alive(run.pids["one"])
        assert {} in run.changes


async def test_a_child_that_ends_by_itself_is_started_again(tmp_path: Path) -> None:
    """A clean exit of a service is no reason to leave it dead."""
    counter = tmp_path / "starts"
    child = dummy("one", f"open({str(counter)!r}, 'a').write('.')", is_ready=counter.exists)
    async with running(child):
        await until(lambda: len(counter.read_text()) >= 3)


async def test_later_stages_survive_the_death_of_an_earlier_one() -> None:
    """A database that is started again does not take its users with it."""
    async with running(dummy("database"), dummy("user", stage=1)) as run:
        user, former = run.pids["user"], run.pids["database"]
        os.kill(former, signal.SIGKILL)
        await until(lambda: run.pids.get("database", former) != former)

        assert user == run.pids["user"]


async def test_a_stubborn_child_is_killed() -> None:
    """A child that ignores the stop signal is killed when its time is up."""
    async with running(dummy("one", STUBBORN, stop_timeout_seconds=0.2)) as run:
        pid = run.pids["one"]

    assert not is_alive(pid)


async def test_hurry_kills_at_once() -> None:
    """Asked to hurry, the supervisor waits for no child's grace."""
    run = Run([dummy("one", STUBBORN, stop_timeout_seconds=600)])
    await run.until_ready()
    run.task.cancel()
    await asyncio.sleep(0)
    run.supervisor.hurry()
    async with asyncio.timeout(PATIENCE_SECONDS):
        await asyncio.wait({run.task})

    assert not is_alive(run.pids["one"])


async def test_a_child_that_never_comes_up_is_named_with_its_last_words(tmp_path: Path) -> None:
    """A child that keeps ending before it is ready ends the start, in a sentence that says what it said."""
    log = tmp_path / "one.log"
    child = dummy("one", "raise SystemExit('no such disk')", is_ready=lambda: False, log=log)
    with pytest.raises(ProcessError) as refusal:
        await Run([child]).until_ready()

    assert f"one does not come up: it ended with exit code 1, saying “no such disk” ({log})" == str(
        refusal.value
    )


async def test_a_child_that_is_never_ready_is_named() -> None:
    """A child that runs without ever being ready ends the start when its time is up."""
    child = dummy("one", is_ready=lambda: False, ready_timeout_seconds=0.1)
    with pytest.raises(ProcessError, match=r"^one does not come up: it was not ready within 0\.1 s$"):
        await Run([child]).until_ready()


async def test_a_hung_child_is_started_again(tmp_path: Path) -> None:
    """A child that runs and fails its checks is ended, and another one runs in its place."""
    gate = tmp_path / "gate"
    gate.touch()
    async with running(dummy("one", is_ready=gate.exists, health_failures_max=1)) as run:
        former = run.pids["one"]
        gate.unlink()
        await until(lambda: run.pids.get("one", former) != former)

        assert not is_alive(former)


async def test_a_program_that_is_missing_is_named() -> None:
    """A child whose program is not there ends the start with its path."""
    child = dummy("one")
    missing = type(child)(name="one", argv=("/nonexistent/program",), environment={}, stage=0)
    with pytest.raises(
        ProcessError, match=r"one does not come up: it cannot be started: .*/nonexistent/program"
    ):
        await Run([missing]).until_ready()


async def test_a_failed_start_ends_what_was_up_already() -> None:
    """When a later stage does not come up, the earlier ones do not stay."""
    run = Run([dummy("ground"), dummy("broken", "raise SystemExit(1)", stage=1, is_ready=lambda: False)])
    children = await _children_while(run)
    with pytest.raises(ProcessError):
        await run.task

    assert children
    assert not any(map(is_alive, children))


async def test_a_step_runs_once_before_the_next_stage(tmp_path: Path) -> None:
    """A step has succeeded when the next stage starts, and is not started again."""
    done = tmp_path / "done"
    step = dummy("step", f"open({str(done)!r}, 'a').write('.')", lifetime=Lifetime.STEP)
    after = dummy("after", f"assert open({str(done)!r}).read() == '.'; import time; time.sleep(600)", stage=1)
    async with running(step, after) as run:
        assert [*run.pids] == ["after"]


async def test_a_failed_step_ends_the_start() -> None:
    """A step that fails is a sentence with its exit code."""
    with pytest.raises(ProcessError, match=r"^step ended with exit code 3$"):
        await Run([dummy("step", "raise SystemExit(3)", lifetime=Lifetime.STEP)]).until_ready()


async def test_an_end_during_the_start_leaves_nothing() -> None:
    """Cancelled while a child is not ready yet, the supervisor ends it."""
    run = Run([dummy("one", is_ready=lambda: False)])
    children = await _children_while(run)
    run.task.cancel()
    await asyncio.wait({run.task})

    assert not any(map(is_alive, children))


async def test_output_goes_to_the_log_file(tmp_path: Path) -> None:
    """What a child with a log prints, to either stream, stands in its file."""
    log = tmp_path / "logs" / "one.log"
    code = "import os, time; os.write(1, b'out\\n'); os.write(2, b'err\\n'); time.sleep(600)"
    async with running(dummy("one", code, log=log)):
        await until(lambda: log.read_text() == "out\nerr\n")


async def test_no_child_survives_a_killed_supervisor(tmp_path: Path) -> None:
    """After kill -9 of the supervisor none of its children runs."""
    supervisor = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.processes.supervised", str(tmp_path)
    )
    await until((tmp_path / "pids").exists)
    children = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    assert all(map(is_alive, children))
    supervisor.kill()
    await supervisor.wait()

    assert len(children) == 2
    await until(lambda: not any(map(is_alive, children)))


def test_it_runs_on_uvloop(tmp_path: Path) -> None:
    """On uvloop, too, children start, are started again and end."""

    async def story() -> None:
        async with running(dummy("one", log=tmp_path / "log")) as run:
            former = run.pids["one"]
            os.kill(former, signal.SIGKILL)
            await until(lambda: run.pids.get("one", former) != former)
            last = run.pids["one"]
        assert not is_alive(last)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(story())


async def _children_while(run: Run) -> set[int]:
    """Process ids of the children once there are some, from the kernel: the supervisor tells none yet."""
    before = _our_children()
    await until(lambda: run.task.done() or _our_children() - before)
    return _our_children() - before


def _our_children() -> set[int]:
    ours = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    return {int(pid) for pid in ours.read_text().split()}
