"""Owns how one Consul agent is reached: address, token, datacenter, certificates, deadlines."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path

READ_SECONDS_MAX = 1.0
WRITE_SECONDS_MAX = 1.5
WATCH_SECONDS_EXTRA = 1.0
"""On top of a blocking query's wait and the sixteenth of it by which Consul spreads them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsulEndpoint:
    """One Consul agent and how it is spoken to. The token is in no representation."""

    address: str
    """`host:port`, or the same with `http://` or `https://` before it."""
    token: str | None = field(default=None, repr=False)
    datacenter: str | None = None
    """The datacenter asked where a call names none; None: the agent's own."""
    verify: bool = True
    """Whether a certificate must be valid."""
    ca_file: Path | None = None
    """The authority it must come from; None: those of the system."""

    @property
    def url(self) -> str:
        """The address with its scheme, without a slash at the end."""
        scheme = "" if "://" in self.address else "http://"
        return f"{scheme}{self.address.rstrip('/')}"

    def tls(self) -> ssl.SSLContext:
        """What a certificate is judged by."""
        context = ssl.create_default_context(cafile=self.ca_file)
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """Seconds that a call may take in all, from asking for a connection to the last byte of the answer."""

    read_seconds: float = READ_SECONDS_MAX
    write_seconds: float = WRITE_SECONDS_MAX
    watch_extra_seconds: float = WATCH_SECONDS_EXTRA
