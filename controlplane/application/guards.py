"""Owns the checks that publications share: which key must not have changed, and what it means when it has."""

from controlplane.application.ports import CheckIndex
from controlplane.application.publication import Guard
from controlplane.contract.keys import Keys


def leading(keys: Keys, term_index: int) -> Guard:
    """The leadership that decided is still the current one."""
    return Guard(CheckIndex(keys.term, term_index), "leadership_lost", "another replica leads")


def definitions_unchanged(keys: Keys, registry_index: int) -> Guard:
    """The definitions are those that it was decided by."""
    return Guard(
        CheckIndex(keys.registry, registry_index), "definitions_changed", "the definitions changed meanwhile"
    )


def pause_unchanged(keys: Keys, pause_index: int) -> Guard:
    """The restraints are those that it was decided under."""
    return Guard(CheckIndex(keys.pause, pause_index), "restrained", "a pause changed meanwhile")
