"""Owns the three outcomes of a probe: success, failure of the target, fault of ours.

The third never counts against the target: whoever is late, out of descriptors or cancelled says so.
"""

from dataclasses import dataclass, field
from enum import StrEnum


class Verdict(StrEnum):
    """What a probe says."""

    SUCCESS = "success"
    FAILURE = "failure"
    FAULT_OF_OURS = "fault_of_ours"


class Reason(StrEnum):
    """Why a probe did not succeed, or succeeded only in part."""

    OK = "ok"
    SLOW = "slow"
    """Everything as expected, but above the latency bound: degraded, not down."""
    CONNECT_REFUSED = "connect_refused"
    CONNECT_TIMEOUT = "connect_timeout"
    UNREACHABLE = "unreachable"
    TLS_HANDSHAKE = "tls_handshake"
    TLS_EXPIRED = "tls_expired"
    TLS_WRONG_HOST = "tls_wrong_host"
    TIMEOUT = "timeout"
    """Connected, but no complete answer in time."""
    CLOSED = "closed"
    """The target closed the connection before a complete answer."""
    HEADER_TOO_LARGE = "header_too_large"
    BODY_TOO_LARGE = "body_too_large"
    NOT_HTTP = "not_http"
    REDIRECT = "redirect"
    """A redirect where none was expected; redirects are not followed."""
    STATUS = "status"
    BODY = "body"
    """The body does not match what is expected."""
    NAME_UNKNOWN = "name_unknown"
    """The address does not resolve, by a resolver that works."""
    OUR_DESCRIPTORS = "our_descriptors"
    OUR_RESOLVER = "our_resolver"
    OUR_LATENESS = "our_lateness"
    """Our own event loop was late by so much that the outcome says nothing of the target."""
    OUR_NETWORK = "our_network"
    OUR_CANCELLATION = "our_cancellation"
    OUR_LIMIT = "our_limit"
    """Not even started: as many probes of the region are in flight as are allowed."""
    OUR_ERROR = "our_error"


@dataclass(frozen=True, slots=True)
class Phases:
    """Milliseconds that each phase of a probe took; None where it was not reached."""

    resolve: float | None = None
    connect: float | None = None
    tls: float | None = None
    first_byte: float | None = None
    total: float = 0.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one probe found."""

    verdict: Verdict
    reason: Reason
    detail: str = ""
    """At most 200 characters for people, with control characters removed."""
    phases: Phases = field(default_factory=Phases)
    applied: str | None = None
    """The `Controlplane-Applied` header as received, at most 4 KiB."""
    status: int | None = None
