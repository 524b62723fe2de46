"""Owns how Consul is reached: its address, the token, one pool of connections."""

import os
from collections.abc import Callable

import httpx

CONSUL_ADDRESS = "127.0.0.1:8500"

MakeTransport = Callable[[], httpx.AsyncBaseTransport]


class Connection:
    """Opens a pool of connections as often as one is needed: at every start, and in every forked child.

    Args:
        address: `host:port` or URL; by default `CONSUL_HTTP_ADDR`, else the local agent.
        token: by default `CONSUL_HTTP_TOKEN`.
        transport: makes a transport, for those who need their own TLS, proxy or test double.
    """

    def __init__(self, *, address: str | None, token: str | None, transport: MakeTransport | None) -> None:
        self._url = _url(address or os.environ.get("CONSUL_HTTP_ADDR") or CONSUL_ADDRESS)
        self._headers = _headers(token or os.environ.get("CONSUL_HTTP_TOKEN"))
        self._transport = transport

    def open(self) -> httpx.AsyncClient:
        """A fresh pool, to be closed by the caller."""
        return httpx.AsyncClient(
            base_url=self._url,
            headers=self._headers,
            limits=httpx.Limits(max_connections=None),
            transport=self._transport() if self._transport else None,
            trust_env=False,
        )


def _url(address: str) -> str:
    return address if "://" in address else f"http://{address}"


def _headers(token: str | None) -> dict[str, str]:
    identity = {"Accept-Encoding": "identity", "User-Agent": "controlplane-client"}
    return {**identity, "X-Consul-Token": token} if token else identity
