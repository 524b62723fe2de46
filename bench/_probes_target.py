"""Owns the targets of `bench.probes` where HAProxy is not installed: 1,000 addresses that answer 200."""

import asyncio
import sys
from typing import cast

import httptools
import uvloop

from bench._probes_programs import addresses

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Answering(asyncio.Protocol):
    """One connection: every complete request is answered, one that wants no other is the last."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A prober came."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are of a class of its own
        self._parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        """A piece of a request."""
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        """A request."""
        self._transport.write(self.answer())
        if not self._parser.should_keep_alive():
            self._transport.close()

    def answer(self) -> bytes:
        """What every request is answered with."""
        return _ANSWER


async def serve(port: int) -> None:
    """Listen until the process is ended."""
    loop = asyncio.get_running_loop()
    for address in addresses():
        await loop.create_server(Answering, address, port, backlog=1024)
    await asyncio.Event().wait()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(int(sys.argv[1])))
