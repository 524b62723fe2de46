"""Says, without a network, whether requirements.txt is what pyproject.toml asks for.

Current means: every requirement and everything it needs in turn is pinned, at a version that satisfies it, by
hash, and nothing else is; and no line says where packages come from, for that is each machine's own business.
`python -m tests.house.lock` prints what is wrong and exits with 1.
"""

import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
HASH = "--hash=sha256:"
REMEDY = "run `make lock`"


@dataclass(frozen=True, slots=True)
class Pin:
    """One locked distribution."""

    requirement: Requirement
    hashes: int

    @property
    def version(self) -> str:
        """The one version that is allowed."""
        return str(self.requirement.specifier).removeprefix("==")


def problems(pyproject: str, lock: str) -> list[str]:
    """What is wrong with the text of the lock, one sentence each."""
    lines = [line.strip() for line in lock.replace("\\\n", " ").splitlines() if line.strip()]
    strays = [line for line in lines if line.startswith("-") or "://" in line]
    if strays:
        return [
            f"requirements.txt: {line.split()[0]} tells where packages come from; it must not"
            for line in strays
        ]
    # Where one name is pinned twice, for different machines, the pin for this one comes last and stays.
    pins: dict[str, Pin] = {
        canonicalize_name(pin.requirement.name): pin for pin in sorted(map(_pin, lines), key=_applies)
    }
    wanted = list(_wanted(pyproject))
    needed = _closure(wanted)
    return [
        *(f"requirements.txt: {name} has no hash; {REMEDY}" for name, pin in pins.items() if not pin.hashes),
        *(_unsatisfied(wanted, pins)),
        *(
            f"requirements.txt: {name} is needed and not pinned; {REMEDY}"
            for name in sorted(needed - set(pins))
        ),
        *(
            f"requirements.txt: {name} is pinned and nothing needs it; {REMEDY}"
            for name, pin in pins.items()
            if _applies(pin) and name not in needed
        ),
    ]


def _pin(line: str) -> Pin:
    requirement, *hashes = line.split(HASH)
    return Pin(Requirement(requirement.strip()), len(hashes))


def _applies(pin: Pin) -> bool:
    return pin.requirement.marker is None or pin.requirement.marker.evaluate()


def _wanted(pyproject: str) -> Iterator[Requirement]:
    """Every requirement that the project states, for running, for testing and for building."""
    content = tomllib.loads(pyproject)
    project = content["project"]
    for texts in (
        project["dependencies"],
        *project["optional-dependencies"].values(),
        content["build-system"]["requires"],
    ):
        yield from map(Requirement, texts)


def _unsatisfied(wanted: list[Requirement], pins: Mapping[str, Pin]) -> Iterator[str]:
    for requirement in wanted:
        pin = pins.get(canonicalize_name(requirement.name))
        if pin and not requirement.specifier.contains(pin.version, prereleases=True):
            yield f"requirements.txt: {pin.requirement} does not satisfy {requirement}; {REMEDY}"


def _closure(wanted: list[Requirement]) -> set[str]:
    """Names of everything that the requirements need on this machine, as the installed packages tell it."""
    found: set[tuple[str, str]] = set()
    names: set[str] = set()
    queue = list(wanted)
    while queue:
        requirement = queue.pop()
        name = canonicalize_name(requirement.name)
        names.add(name)
        for extra in {"", *requirement.extras} - {extra for known, extra in found if known == name}:
            found.add((name, extra))
            queue += _needs(name, extra)
    return names


def _needs(name: str, extra: str) -> Iterator[Requirement]:
    try:
        texts = distribution(name).requires or ()
    except PackageNotFoundError:  # not installed, so not pinned, and said so already
        return
    for text in texts:
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            yield requirement


if __name__ == "__main__":
    found = problems((ROOT / "pyproject.toml").read_text(), (ROOT / "requirements.txt").read_text())
    sys.exit("\n".join(found) or 0)
