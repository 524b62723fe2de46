"""Stands in for our own processes when the supervisor's table is tested: `migrate`, `control`, `probe`.

Each says first in a file of its data directory with what environment it was started.
"""

import json
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path


class Healthy(BaseHTTPRequestHandler):
    """Answers every question with 200."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_args: object) -> None: ...


def main(command: str) -> None:
    """Do as the command of that name would, as far as a supervisor can see it."""
    if data_dir := os.environ.get("CONTROLPLANE_DATA_DIR"):  # a migration is not told of one
        folder = Path(data_dir)
        folder.mkdir(exist_ok=True)
        beside = folder / f"{command}.new"
        beside.write_text(json.dumps({"argv": sys.argv, "environment": dict(os.environ)}))
        beside.replace(folder / f"{command}.json")
    if command == "control":
        HTTPServer(("127.0.0.1", int(os.environ["CONTROLPLANE_PORT"])), Healthy).serve_forever()
    if command == "probe":
        signal.pause()


main(sys.argv[1])
