"""Owns the identity of a store: how an empty prefix becomes a store, once, and how one is recognised."""

import logging

from controlplane.application.ports import CheckAbsent, Committed, Operation, Put, Store
from controlplane.contract.keys import Keys

logger = logging.getLogger(__name__)


class StoreIdentityError(Exception):
    """The prefix holds something that is not one store; a person must look at it."""


async def identify(store: Store, keys: Keys) -> str | None:
    """Read which store this is; None where it has never been founded.

    Raises:
        StoreUnavailable: no answer in time.
        StoreIdentityError: it has more than one identity.
    """
    listing = await store.list(keys.stores, consistent=True)
    names = [entry.key.removeprefix(keys.stores) for entry in listing.entries]
    if len(names) > 1:
        raise StoreIdentityError(
            f"{keys.stores} holds {len(names)} identities, exactly one is allowed: {names}"
        )
    return names[0] if names else None


async def found(store: Store, keys: Keys, *, identity: str, pause: bytes, budget: bytes) -> bool:
    """Make an empty prefix a store, in one transaction; False where somebody else was first.

    Raises:
        StoreUnavailable: nothing was sent.
        OutcomeUnknown: look again with `identify`.
    """
    firsts = {
        keys.store(identity): b"{}",
        keys.term: b"0",
        keys.pause: pause,
        keys.budget: budget,
        keys.registry: b"0",
    }
    absent: list[Operation] = [CheckAbsent(key) for key in (keys.term, keys.pause, keys.budget)]
    answer = await store.transact([*absent, *(Put(key, value) for key, value in firsts.items())])
    if isinstance(answer, Committed):
        logger.info("store founded", extra={"store": identity})
        return True
    return False
