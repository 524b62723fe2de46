"""Says, without a network, whether the two locks are what pyproject.toml asks for.

`requirements.txt` is for developers; `deploy/requirements.txt` is the part of it that a running control plane
needs. Current means: every requirement and everything it needs in turn is pinned, at a version that satisfies
it, by hash, and nothing else is; and no line says where packages come from, for that is each machine's own
business. `python -m tests.house.lock` prints what is wrong and exits with 1.
"""

import sys
import tomllib
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCKS: Mapping[str, AbstractSet[str]] = {
    "requirements.txt": {"embedded", "test", "lint", "build"},
    "deploy/requirements.txt": {"embedded", "build"},
}
"""Each lock, and the extras that it pins beside the project's own requirements."""

_HASH = "--hash=sha256:"
_REMEDY = "run `make lock`"


def problems(pyproject: str, lock: str, extras: AbstractSet[str]) -> list[str]:
    """What is wrong with the text of a lock, one sentence each."""
    lines = entries(lock)
    if strays := [line for line in lines if line.startswith("-") or "://" in line]:
        return [f"{line.split()[0]} tells where packages come from; a lock must not" for line in strays]
    locked = [Requirement(line.partition(_HASH)[0].strip()) for line in lines]
    pins = {canonicalize_name(pin.name): pin for pin in locked if pin.marker is None or pin.marker.evaluate()}
    wanted = list(_wanted(pyproject, extras))
    needed = _closure(wanted)
    return [
        *(f"{name} is needed and not pinned; {_REMEDY}" for name in sorted(needed - pins.keys())),
        *(f"{name} is pinned and nothing needs it; {_REMEDY}" for name in sorted(pins.keys() - needed)),
        *(f"{line.split()[0]} has no hash; {_REMEDY}" for line in lines if _HASH not in line),
        *(
            f"{pins[name]} does not satisfy {requirement}; {_REMEDY}"
            for requirement in wanted
            if (name := canonicalize_name(requirement.name)) in pins
            if not requirement.specifier.contains(_version(pins[name]), prereleases=True)
        ),
    ]


def entries(lock: str) -> list[str]:
    """One line per pinned distribution, its hashes included."""
    return [" ".join(line.split()) for line in lock.replace("\\\n", " ").splitlines() if line.strip()]


def _version(pin: Requirement) -> str:
    return str(pin.specifier).removeprefix("==")


def _wanted(pyproject: str, extras: AbstractSet[str]) -> Iterator[Requirement]:
    """What the project states that it needs to be built, to run, and for these extras."""
    content = tomllib.loads(pyproject)
    project = content["project"]
    lists = [content["build-system"]["requires"], project["dependencies"]]
    lists += [project["optional-dependencies"][extra] for extra in extras]
    return (Requirement(text) for texts in lists for text in texts)


def _closure(wanted: list[Requirement]) -> set[str]:
    """Names of everything that the requirements need on this machine, as the installed packages tell it."""
    seen: set[tuple[str, str]] = set()
    queue = list(wanted)
    while queue:
        requirement = queue.pop()
        name = canonicalize_name(requirement.name)
        fresh = {(name, extra) for extra in ("", *requirement.extras)} - seen
        seen |= fresh
        queue += [need for _, extra in fresh for need in _needs(name, extra)]
    return {name for name, _ in seen}


def _needs(name: str, extra: str) -> Iterator[Requirement]:
    try:
        requirements = map(Requirement, distribution(name).requires or ())
    except PackageNotFoundError:  # then it is not pinned either, and said so
        return
    for requirement in requirements:
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            yield requirement


if __name__ == "__main__":
    found = [
        f"{name}: {problem}"
        for name, extras in LOCKS.items()
        for problem in problems((ROOT / "pyproject.toml").read_text(), (ROOT / name).read_text(), extras)
    ]
    sys.exit("\n".join(found) or 0)
