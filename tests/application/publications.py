"""Makers of documents, publications and founded stores that the tests of the write path share."""

from controlplane.application.composing import Held, compose
from controlplane.application.drafting import Context
from controlplane.application.ports import Clock
from controlplane.application.publication import Guard, Publication
from controlplane.application.publisher import Publisher
from controlplane.contract.documents import Change, ChangeKind, FailoverDocument, FailoverState
from controlplane.contract.keys import Keys
from tests.fakes.store import FakeStore, FakeStoreClient

KEYS = Keys()
STORE = "store-1"
DOCUMENT = KEYS.document("failover", "checkout")


def document(revision: int = 1, active: str = "us-east", *, change_id: str = "change-1") -> FailoverDocument:
    """The failover document of the group `checkout`."""
    return FailoverDocument(
        group="checkout",
        revision=revision,
        term=1,
        state=FailoverState.ACTIVE,
        home="dc1",
        active=active,
        weights={"us-east": 0, "eu-west": 0} | {active: 100},
        previous=None,
        change=Change(
            id=change_id,
            kind=ChangeKind.AUTOMATIC,
            by="controlplane",
            reason="us-east is down",
            at="2026-01-12T09:31:07.412Z",
        ),
    )


def publication(after: FailoverDocument, *, index: int = 0, guards: tuple[Guard, ...] = ()) -> Publication:
    """The publication of a document over whatever stands at `index`."""
    return compose(KEYS, Held(None, index), after, Context({"why": "a test"}, "trace-1", guards))


def founded() -> FakeStore:
    """A store with an identity, a term, a pause, a budget and a registry revision."""
    server = FakeStore()
    for key, value in {
        KEYS.store(STORE): b"{}",
        KEYS.term: b"0",
        KEYS.pause: b'{"groups":{},"regions":{}}',
        KEYS.budget: b'{"moves":[]}',
        KEYS.registry: b"0",
    }.items():
        server.edit(key, value)
    return server


async def publisher(client: FakeStoreClient, clock: Clock) -> Publisher:
    """A publisher that has just heard from the store."""
    await client.get(KEYS.term, consistent=True)
    return Publisher(client, KEYS, clock, by="controlplane")
