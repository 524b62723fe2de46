"""Small children for tests of the supervisor. They say what they do as lines of one file, in order."""

import sys
from pathlib import Path
from typing import Any

from controlplane.processes.child import Child

SLEEP = "import time; time.sleep(600)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
SAYS_START_AND_END = """
import signal, sys, time
name, diary = sys.argv[1:]
def say(what):
    with open(diary, "a") as file:
        file.write(f"{name} {what}\\n")
def end(*_):
    time.sleep(0.1)  # so that somebody who does not wait for it shows in the order
    say("ends")
    sys.exit()
signal.signal(signal.SIGTERM, end)
time.sleep(0.1)
say("starts")
while True:
    time.sleep(600)
"""


def dummy(name: str, code: str = SLEEP, *arguments: str, **fields: Any) -> Child:
    """A child that runs `code`, in stage 0 unless said otherwise."""
    fields.setdefault("stage", 0)
    return Child(name=name, argv=(sys.executable, "-c", code, *arguments), environment={}, **fields)


def diarist(name: str, diary: Path, *, stage: int) -> Child:
    """A child that writes down its start and its end; it is ready when it has written down the first."""
    return dummy(
        name,
        SAYS_START_AND_END,
        name,
        str(diary),
        stage=stage,
        is_ready=lambda: diary.exists() and f"{name} starts" in diary.read_text(),
    )
