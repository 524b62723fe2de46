"""A service as people write them: WSGI, a client with a thread of its own, workers that are forked.

`python -m tests.client.service HOST:PORT FOLDER [--workers N]` prints its port when it serves.
`GET /value` answers which process it is and what it reads; every answer carries the header.
"""

import argparse
import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FrameType
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from controlplane.client import SyncClient, applied_wsgi


class QuietHandler(WSGIRequestHandler):
    def log_message(self, *_args: object) -> None:
        """Say nothing: whatever stands on stderr was not to be there."""


class ForkedServer(WSGIServer):
    """Serves a socket that several processes share."""

    def __init__(self, listening: socket.socket) -> None:
        super().__init__(listening.getsockname(), QuietHandler, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self.server_name, self.server_port = "service", listening.getsockname()[1]
        self.setup_environ()


def application(client: SyncClient) -> Callable[..., Iterable[bytes]]:
    def app(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "application/json")])
        view = {
            "pid": os.getpid(),
            "recommendations": client.enabled("recommendations", default=True),
            "search-depth": client.value("search-depth", default=-1),
            "active": client.active_region("checkout"),
            "revision": client.revision("switches.checkout"),
        }
        return [json.dumps(view).encode()]

    return applied_wsgi(app, client)


def end(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("consul")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, end)
    client = SyncClient(
        ["checkout"], service="checkout", directory=arguments.folder, address=arguments.consul
    ).start()
    listening = socket.create_server(("127.0.0.1", 0), backlog=128)
    print(listening.getsockname()[1], flush=True)  # noqa: T201 - the caller wants to know
    for _ in range(arguments.workers - 1):
        if os.fork() == 0:
            break
    server = ForkedServer(listening)
    server.set_app(application(client))
    server.serve_forever()


if __name__ == "__main__":
    main()
