"""The Go reader and the reference judge whatever bytes alike: documents that are spoiled at random."""

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest

from controlplane.client.following import parse_region, parse_values
from controlplane.client.judgement import Accept, Refuse, Same, judge
from tests.fixtures.golang import go
from tests.readers.test_vectors import REGION, SetClock, vectors

pytestmark = pytest.mark.services

Document = tuple[str, bytes]
DOCUMENTS = 10_000
SEED = 20_260_112
REPLACED_SHARE = 0.6
BROKEN_SHARE = 0.1

HELD = vectors("documents.json")["held"]
SWITCHES = {
    "recommendations": {
        "type": "bool",
        "state": "degraded",
        "value": False,
        "normal": True,
        "percent": 50,
        "regions": {"us-east": {"state": "degraded", "value": True, "expires_at": None}},
        "expires_at": "2026-01-12T09:31:07.412Z",
    },
    "rate": {"type": "float", "state": "normal", "value": 0.5, "normal": 1},
    "banner": {"type": "string", "state": "normal", "value": "a", "normal": "é"},
    "limits": {"type": "json", "state": "normal", "value": {"a": [1, {}]}, "normal": None},
}
WHOLE: dict[str, Any] = {
    "failover": json.loads(HELD["failover"]),
    "switches": json.loads(HELD["switches"]) | {"switches": SWITCHES},
}
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 100, 101, 1.0, 1e2, 5e-324, 1e308, 10**12, 2**63 - 1, 2**63, -(2**63) - 1),
    *("", "a", "a\n", "-a", "A", "eu-west", "true", "checkout", "x" * 4095, "é" * 2048, "\ud800", "\0"),
    *("normal", "degraded", "fenced", "retired", "exclusive", "bool", "int", "string", "json"),
    *([], {}, [1], {"a": 1}, "2026-01-12T09:31:07Z", "2026-02-30T00:00:00Z", "2026-01-12T24:00:00Z"),
    *("2026-01-12T09:31:60Z", "2026-01-12T09:31:07-00:00", "2026-01-12t09:31:07z", "20260112T093107Z"),
    *("2026-01-12T09:31:07+24:00", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59-01:00", "2026-01-12T09:31Z"),
)
NAMES = ("", "a", "A", "é", "us_east", "eu-west", "rate", "Revision", "__proto__", "state")


def spoiled(random: Random) -> Document:
    """A document in which something is another value, or missing, or too much; or other bytes."""
    kind = random.choice([*WHOLE])
    document = json.loads(json.dumps(WHOLE[kind]))
    for _ in range(random.randint(1, 3)):
        spoil(random, document)
    raw = json.dumps(document, indent=random.choice([None, 1])).encode()
    if random.random() < BROKEN_SHARE:
        at = random.randrange(len(raw))
        raw = raw[:at] + random.randbytes(random.randint(0, 2)) + raw[at + random.randint(0, 1) :]
    return kind, raw


def spoil(random: Random, document: Any) -> None:
    """Change one thing."""
    *path, last = random.choice(paths(document))
    place = document
    for step in path:
        place = place[step]
    odd = json.loads(json.dumps(random.choice(ODD)))
    if random.random() < REPLACED_SHARE or not isinstance(place, dict):
        place[last] = odd
    elif random.random() < REPLACED_SHARE:
        place[random.choice(NAMES)] = odd
    else:
        del place[last]


def paths(value: Any, before: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something stands in a document."""
    if not isinstance(value, (dict, list)):
        return []
    steps = value if isinstance(value, dict) else range(len(value))
    return [path for step in steps for path in [(*before, step), *paths(value[step], (*before, step))]]


def verdict(kind: str, raw: bytes) -> str:
    """What the reference makes of these bytes, and what the switches of type bool are worth then."""

    def parse(raw: bytes) -> Any:
        if kind == "failover":
            return parse_region(raw, group="checkout")
        return parse_values(raw, service="checkout", region=REGION, clock=SetClock())

    match judge(None, raw, parse):
        case Accept(document):
            active = (document.active or "") if kind == "failover" else ""
            return f"apply {document.revision} {active}" + "".join(values(kind, document))
        case Refuse(observed, _):
            return f"nack {-1 if observed is None else observed}"
        case Same():
            return "ignore"


def values(kind: str, document: Any) -> Sequence[str]:
    if kind == "failover":
        return []
    worth = {name: document.value(name, "user-1") for name in document.document.switches}
    return [f" {name}={str(value).lower()}" for name, value in worth.items() if isinstance(value, bool)]


def test_go_judges_like_the_reference(tmp_path: Path):
    """Whatever is spoiled in a document, both apply it with the same values, or both refuse it."""
    random = Random(SEED)
    documents = [spoiled(random) for _ in range(DOCUMENTS)]
    file = tmp_path / "documents"
    file.write_text("\n".join(f"{kind}:{base64.b64encode(raw).decode()}" for kind, raw in documents))
    said = go("go", "test", "-count=1", "-v", "-run=TestVerdicts", ".", VERDICTS=str(file)).splitlines()
    told = [line.removeprefix("verdict ") for line in said if line.startswith("verdict ")]
    verdicts = [verdict(kind, raw) for kind, raw in documents]
    assert len(told) == len(documents)
    for (_, raw), ours, other in zip(documents, verdicts, told, strict=True):
        assert sorted(ours.split()) == sorted(other.split()), raw
    assert DOCUMENTS / 10 < sum(ours.startswith("apply") for ours in verdicts) < DOCUMENTS * 9 / 10
