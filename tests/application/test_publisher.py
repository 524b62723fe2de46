"""Publishing: one answer of three, and never a "refused" that takes effect later."""

import asyncio
import json

import pytest

from controlplane.application.ports import CheckIndex, Entry
from controlplane.application.publication import Guard
from controlplane.application.publisher import ANSWER_SECONDS_MAX, CONTACT_SECONDS_MAX
from controlplane.application.results import Done, Refused, Unknown
from tests.application.publications import DOCUMENT, KEYS, STORE, document, founded, publication, publisher
from tests.fakes.clock import FakeClock
from tests.fakes.store import FakeStore

pytestmark = pytest.mark.looptime
LOG_1 = KEYS.log("failover", "checkout", 1)


def standing(server: FakeStore, key: str) -> bytes | None:
    entry = server.peek(key)
    return entry.value if entry else None


async def test_a_publication_is_in_force_with_its_log_entry_and_its_plain_value() -> None:
    """Document, log entry and plain value change together, under one index."""
    server = founded()
    clock = FakeClock()
    writer = await publisher(server.client(), clock)

    result = await writer.publish(publication(document()), identity=STORE)

    written = [server.peek(key) for key in (DOCUMENT, LOG_1, KEYS.failover_value("checkout"))]
    (index,) = {entry.modify_index for entry in written if entry}
    assert result == Done("change-1", "failover/checkout revision 1 is in force", 1, index)
    assert standing(server, KEYS.failover_value("checkout")) == b"us-east"


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda server: server.delete(KEYS.store(STORE)), "store_replaced"),
        (lambda server: server.edit(DOCUMENT, b"somebody"), "document_changed"),
        (lambda server: server.edit(LOG_1, b"{}"), "revision_taken"),
        (lambda server: server.edit(KEYS.pause, b"{}"), "paused_meanwhile"),
    ],
)
async def test_what_changed_meanwhile_refuses_by_name(spoil, code: str) -> None:
    """A publication decided from a former state is refused with the reason, and changes nothing."""
    server = founded()
    writer = await publisher(server.client(), FakeClock())
    pause = server.peek(KEYS.pause)
    assert pause
    guard = Guard(CheckIndex(KEYS.pause, pause.modify_index), "paused_meanwhile", "a pause began")
    spoil(server)

    result = await writer.publish(publication(document(), guards=(guard,)), identity=STORE)

    assert isinstance(result, Refused)
    assert result.code == code
    assert standing(server, KEYS.failover_value("checkout")) is None


async def test_nothing_is_sent_without_recent_contact() -> None:
    """Nothing is sent when the last committed write or consistent read is older than two seconds."""
    server = founded()
    writer = await publisher(server.client(), FakeClock())
    await asyncio.sleep(CONTACT_SECONDS_MAX + 0.1)
    sent = len(server.evaluated)

    result = await writer.publish(publication(document()), identity=STORE)

    assert isinstance(result, Refused)
    assert result.code == "consul_unavailable"
    assert "nothing was sent" in result.text
    assert len(server.evaluated) == sent


async def test_a_store_that_was_never_heard_is_said_to_be_so() -> None:
    """Before the first contact a publication is refused with that reason."""
    server = founded()
    client = server.client()
    writer = await publisher(client, FakeClock())
    writer.store = server.client()

    result = await writer.publish(publication(document()), identity=STORE)

    assert result == Refused("consul_unavailable", "nothing was sent: Consul never answered")


async def test_a_refused_connection_is_a_refusal() -> None:
    """A request that could not be sent is refused, and nothing is pending."""
    server = founded()
    client = server.client()
    writer = await publisher(client, FakeClock())
    client.go_away()

    result = await writer.publish(publication(document()), identity=STORE)

    assert isinstance(result, Refused)
    assert not writer.is_unsettled("failover", "checkout")


async def test_a_lost_answer_is_found_to_have_committed() -> None:
    """When the answer is lost after the commit, the publisher reads its own log entry and says done."""
    server = founded()
    writer = await publisher(server.client(), FakeClock())
    server.lose_answers(below=DOCUMENT)
    committed: list[int] = []
    writer.on_commit = lambda _publication, index: committed.append(index)

    result = await writer.publish(publication(document()), identity=STORE)

    assert isinstance(result, Done)
    entry = server.peek(DOCUMENT)
    assert entry
    assert committed == [entry.modify_index]
    assert not writer.is_unsettled("failover", "checkout")


async def test_a_late_commit_is_shut_out_by_abandoning_its_revision() -> None:
    """A write without answer is withdrawn by a marker, and what arrives late can no longer commit."""
    server = founded()
    writer = await publisher(server.client(), FakeClock())
    server.late_commit(below=DOCUMENT)

    result = await writer.publish(publication(document()), identity=STORE)
    late = server.release()

    assert isinstance(result, Refused)
    assert "withdrawn" in result.text
    assert len(late) == 1
    assert standing(server, DOCUMENT) is None
    marker = standing(server, LOG_1)
    assert marker
    assert json.loads(marker)["abandoned"] == "change-1"


async def test_a_late_commit_that_beats_the_marker_is_done() -> None:
    """Where the late write commits before the marker, the publication is done, not refused."""
    server = founded()
    client = server.client()
    writer = await publisher(client, FakeClock())
    server.late_commit(below=DOCUMENT)
    client.latency_seconds = 0.2
    publishing = asyncio.create_task(writer.publish(publication(document()), identity=STORE))
    await asyncio.sleep(0.15)
    server.release()

    assert isinstance(await publishing, Done)


async def test_a_frozen_store_is_answered_with_unknown_and_settled_later() -> None:
    """A frozen Consul is "unknown, may still take effect" in time, and settled later."""
    server = founded()
    clock = FakeClock()
    writer = await publisher(server.client(), clock)
    settling = asyncio.create_task(writer.run())
    server.freeze()
    asked = clock.monotonic()

    result = await writer.publish(publication(document()), identity=STORE)

    assert isinstance(result, Unknown)
    assert "may still take effect" in result.text
    assert clock.monotonic() - asked <= ANSWER_SECONDS_MAX
    again = await writer.publish(publication(document()), identity=STORE)
    assert isinstance(again, Refused)
    assert again.code == "unsettled"
    server.thaw()
    await asyncio.sleep(3)
    assert not writer.is_unsettled("failover", "checkout")
    assert (standing(server, DOCUMENT) is None) == (b"abandoned" in (standing(server, LOG_1) or b""))
    settling.cancel()


async def test_an_unknown_write_is_superseded_by_a_foreign_one() -> None:
    """Where somebody else changed the document meanwhile, the write without answer is superseded."""
    server = founded()
    writer = await publisher(server.client(), FakeClock())
    server.late_commit(below=DOCUMENT)
    server.edit(DOCUMENT, b"by hand")

    result = await writer.publish(publication(document()), identity=STORE)

    assert isinstance(result, Refused)
    assert result.code == "superseded"
    assert not writer.is_unsettled("failover", "checkout")


@pytest.mark.parametrize("foreign", [b"not json", b'{"abandoned":"other","by":"b","reason":"r","at":"a"}'])
async def test_a_revision_that_somebody_else_used_supersedes(foreign: bytes) -> None:
    """Where the log key of its revision holds something else, the write without answer can never commit."""
    server = founded()
    writer = await publisher(server.client(), FakeClock())
    server.late_commit(below=DOCUMENT)
    server.edit(LOG_1, foreign)

    result = await writer.publish(publication(document()), identity=STORE)

    assert isinstance(result, Refused)
    assert result.code == "superseded"


async def test_an_earlier_marker_of_the_same_change_counts() -> None:
    """A marker whose own answer was lost is recognised by its change id."""
    server = founded()
    writer = await publisher(server.client(), FakeClock())
    server.late_commit(below=DOCUMENT)
    server.lose_answers(below=LOG_1)

    result = await writer.publish(publication(document()), identity=STORE)

    assert isinstance(result, Refused)
    assert "withdrawn" in result.text


async def test_a_refusal_that_proves_nothing_leaves_it_unknown() -> None:
    """Where neither the store, the document nor the log shuts it out, a write stays unknown."""
    server = founded()
    client = server.client()
    writer = await publisher(client, FakeClock())
    server.late_commit(below=DOCUMENT)
    server.edit(LOG_1, b"{}")
    read = client.get

    async def pruned(key: str, *, consistent: bool = False) -> Entry | None:
        if server.peek(key):
            server.delete(key)
        return await read(key, consistent=consistent)

    client.get = pruned  # type: ignore[method-assign]
    publishing = asyncio.create_task(writer.publish(publication(document()), identity=STORE))
    await asyncio.sleep(0.01)
    assert writer.is_unsettled("failover", "checkout")

    assert isinstance(await publishing, Refused)


async def test_who_stops_waiting_leaves_a_publication_that_is_settled() -> None:
    """When the caller is cancelled in the middle of the request, its outcome is unknown and is settled."""
    server = founded()
    client = server.client()
    writer = await publisher(client, FakeClock())
    settling = asyncio.create_task(writer.run())
    client.latency_seconds = 0.2
    publishing = asyncio.create_task(writer.publish(publication(document()), identity=STORE))
    await asyncio.sleep(0.05)
    publishing.cancel()
    await asyncio.sleep(0.05)
    assert writer.is_unsettled("failover", "checkout")
    await asyncio.sleep(2)
    settling.cancel()

    assert not writer.is_unsettled("failover", "checkout")
    assert standing(server, LOG_1)


async def test_who_stops_waiting_for_a_settlement_leaves_one_settler() -> None:
    """When the caller is cancelled while an outcome is unknown, the publisher alone goes on settling it."""
    server = founded()
    client = server.client()
    writer = await publisher(client, FakeClock())
    server.late_commit(below=DOCUMENT)
    client.latency_seconds = 0.2
    publishing = asyncio.create_task(writer.publish(publication(document()), identity=STORE))
    await asyncio.sleep(0.25)
    assert writer.is_unsettled("failover", "checkout")
    publishing.cancel()
    settling = asyncio.create_task(writer.run())
    await asyncio.sleep(3)

    assert not settling.done()
    assert not writer.is_unsettled("failover", "checkout")
    settling.cancel()


async def test_publications_of_one_document_wait_for_each_other() -> None:
    """Two at once on the same document are taken one after the other, and one of them loses by name."""
    server = founded()
    writer = await publisher(server.client(), FakeClock())

    results = await asyncio.gather(
        writer.publish(publication(document(change_id="a")), identity=STORE),
        writer.publish(publication(document(change_id="b")), identity=STORE),
    )

    assert [type(result) for result in results] == [Done, Refused]


def test_a_transaction_that_cannot_fit_is_refused_before_it_is_made() -> None:
    """More checks than one transaction takes are an error of the program, found at once."""
    guard = Guard(CheckIndex("k", 1), "code", "text")
    with pytest.raises(ValueError, match="at most 40 and 10"):
        publication(document(), guards=(guard,) * 11)
