"""Owns the listening socket and the server on it: bounded, quiet, stopped by its owner alone."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

HEADER_BYTES_MAX = 32 * 1024
CONNECTIONS_MAX = 1_000
BACKLOG_CONNECTIONS = 512
KEEP_ALIVE_SECONDS = 15
DRAIN_SECONDS = 10
"""How long requests under way may take to end after a stop."""


class AddressUnavailable(Exception):
    """Nothing can listen there; the text is one sentence for the person who typed the command."""


def open_listener(host: str, port: int) -> socket.socket:
    """Listen on an address; port 0 takes a free one. Callers wait in the backlog until the app is served.

    Raises:
        AddressUnavailable: the port is taken, or the address is not ours.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise AddressUnavailable(f"cannot listen on {host}: {error.strerror}") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG_CONNECTIONS)  # only this takes the port for good
    except OSError as error:
        listener.close()
        raise AddressUnavailable(
            f"cannot listen on {host} port {port}: {error.strerror}; CONTROLPLANE_PORT chooses another"
        ) from error
    return listener


async def serve_app(
    app: ASGIApp,
    *,
    listener: socket.socket,
    stop: asyncio.Event,
    drain_seconds: int = DRAIN_SECONDS,
    trusted_proxies: str | None = None,
) -> None:
    """Serve until `stop` is set, then let requests under way end; takes over the listener and closes it.

    Installs no signal handlers: the owner of the process sets `stop`. What `trusted_proxies` (addresses and
    networks, commas between) say of the client is believed, what anybody else says is not.
    """
    server = _Server(
        uvicorn.Config(
            app,
            access_log=False,
            backlog=BACKLOG_CONNECTIONS,
            h11_max_incomplete_event_size=HEADER_BYTES_MAX,
            http="h11",
            lifespan="off",
            limit_concurrency=CONNECTIONS_MAX,
            log_config=None,
            proxy_headers=trusted_proxies is not None,
            forwarded_allow_ips=trusted_proxies,
            server_header=False,
            timeout_graceful_shutdown=drain_seconds,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            ws="none",
        )
    )
    async with asyncio.TaskGroup() as owner:
        serving = owner.create_task(server.serve(sockets=[listener]))
        stopping = owner.create_task(_stop(server, stop))
        await serving
        stopping.cancel()


async def _stop(server: uvicorn.Server, stop: asyncio.Event) -> None:
    await stop.wait()
    server.should_exit = True


class _Server(uvicorn.Server):
    """Leaves signals to the owner of the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
