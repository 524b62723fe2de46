"""Owns where the clients of `bench.client` read from: the same switches in each one's format.

Ours are in a private Consul, Unleash's behind a small HTTP server, flagd's in a file.
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from bench._client_child import PLAIN, SHARED, TEXT, VALUE, name
from bench._client_ours import SERVICE
from bench._consul import private_consul
from controlplane.contract.documents import DocumentKind
from controlplane.contract.keys import Keys
from controlplane.contract.switches import (
    Switch,
    SwitchChange,
    SwitchChangeKind,
    SwitchDocument,
    SwitchState,
    SwitchType,
)

HALF_PERCENT = 50
_ANSWER_SECONDS_MAX = 10.0


@dataclass(frozen=True, slots=True)
class Source:
    """Where one client reads from."""

    address: str
    publish: Callable[[int], None]
    """Make this revision the newest one."""


Make = Callable[[int], Any]
"""A context with a source of so many switches of each kind."""


@contextmanager
def consul_source(switches: int) -> Iterator[Source]:
    """Our document in a private Consul."""
    key = Keys().document(DocumentKind.SWITCHES, SERVICE)
    with (
        private_consul() as address,
        httpx.Client(base_url=f"http://{address}/v1/kv/", timeout=_ANSWER_SECONDS_MAX) as http,
    ):

        def publish(revision: int) -> None:
            http.put(key, content=document(switches, revision).to_bytes()).raise_for_status()

        publish(1)
        yield Source(address, publish)


@contextmanager
def http_source(switches: int) -> Iterator[Source]:
    """What an Unleash server answers, with an ETag that changes with the revision."""
    served: dict[str, Any] = {}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            known = self.headers.get("If-None-Match") == served["etag"]
            self.send_response(HTTPStatus.NOT_MODIFIED if known else HTTPStatus.OK)
            body = b"" if known else served["body"]
            self.send_header("ETag", served["etag"])
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    def publish(revision: int) -> None:
        body = json.dumps(unleash_features(switches, revision)).encode()
        served.update(etag=f'"{revision}"', body=body)

    publish(1)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    try:
        yield Source(f"http://127.0.0.1:{server.server_port}/api", publish)
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


@contextmanager
def file_source(switches: int) -> Iterator[Source]:
    """Flags of flagd in a file."""
    with TemporaryDirectory(prefix="bench-flagd-") as folder:
        path, beside = Path(folder, "flags.json"), Path(folder, "flags.json.new")

        def publish(revision: int) -> None:
            beside.write_text(json.dumps(flagd_flags(switches, revision)))
            beside.replace(path)

        publish(1)
        yield Source(str(path), publish)


def document(switches: int, revision: int) -> SwitchDocument:
    """What we publish."""
    kinds = {
        PLAIN: Switch(SwitchType.BOOL, SwitchState.NORMAL, value=True, normal=True),
        SHARED: Switch(SwitchType.BOOL, SwitchState.DEGRADED, value=True, normal=False, percent=HALF_PERCENT),
        TEXT: Switch(SwitchType.STRING, SwitchState.NORMAL, value=VALUE, normal=VALUE),
    }
    return SwitchDocument(
        service=SERVICE,
        revision=revision,
        switches=_all(kinds, switches),
        change=SwitchChange(
            id=f"{revision:026}",
            kind=SwitchChangeKind.FLIP,
            by="alice",
            reason="INC-4821",
            at="2026-01-12T09:31:07.412Z",
        ),
    )


def unleash_features(switches: int, revision: int) -> dict[str, Any]:
    """What Unleash serves."""
    kinds = {
        PLAIN: {"strategies": [{"name": "default", "parameters": {}}]},
        SHARED: {"strategies": [{"name": "flexibleRollout", "parameters": _rollout()}]},
        TEXT: {
            "strategies": [{"name": "default", "parameters": {}}],
            "variants": [
                {"name": VALUE, "weight": 1000, "payload": {"type": "string", "value": VALUE}},
            ],
        },
    }
    described = {"type": "release", "enabled": True, "description": f"revision {revision}"}
    features = [{"name": key, **described, **kind} for key, kind in _all(kinds, switches).items()]
    return {"version": 2, "features": features}


def flagd_flags(switches: int, revision: int) -> dict[str, Any]:
    """What flagd reads."""
    on_off = {"on": True, "off": False}
    kinds = {
        PLAIN: {"variants": on_off, "defaultVariant": "on"},
        SHARED: {
            "variants": on_off,
            "defaultVariant": "off",
            "targeting": {"fractional": [["on", HALF_PERCENT], ["off", HALF_PERCENT]]},
        },
        TEXT: {"variants": {VALUE: VALUE, "flat": "flat"}, "defaultVariant": VALUE},
    }
    flags = {key: {"state": "ENABLED", **kind} for key, kind in _all(kinds, switches).items()}
    return {"flags": flags, "metadata": {"revision": str(revision)}}


def _rollout() -> dict[str, str]:
    return {"rollout": str(HALF_PERCENT), "stickiness": "userId", "groupId": "bench"}


def _all(kinds: Mapping[str, Any], switches: int) -> dict[str, Any]:
    return {name(kind, number): what for kind, what in kinds.items() for number in range(switches)}
