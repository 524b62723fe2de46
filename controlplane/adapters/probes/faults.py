"""Owns whose fault it is: what the operating system and TLS say, as a reason of `domain.outcome`.

When in doubt between the target and us, a failure to *reach* is the target's and a failure to *try* is ours.
"""

import errno
import ssl

from controlplane.domain.outcome import Reason, Verdict

DETAIL_CHARACTERS_MAX = 200

_REASON_OF_ERRNO = {
    errno.ECONNREFUSED: Reason.CONNECT_REFUSED,
    errno.ETIMEDOUT: Reason.CONNECT_TIMEOUT,
    errno.EHOSTUNREACH: Reason.UNREACHABLE,
    errno.EHOSTDOWN: Reason.UNREACHABLE,
    errno.ECONNRESET: Reason.CLOSED,
    errno.ECONNABORTED: Reason.CLOSED,
    errno.EPIPE: Reason.CLOSED,
    errno.EMFILE: Reason.OUR_DESCRIPTORS,
    errno.ENFILE: Reason.OUR_DESCRIPTORS,
    errno.ENETUNREACH: Reason.OUR_NETWORK,
    errno.ENETDOWN: Reason.OUR_NETWORK,
    errno.EADDRNOTAVAIL: Reason.OUR_NETWORK,  # no local port is left
    errno.EACCES: Reason.OUR_NETWORK,  # a firewall of this machine
    errno.EPERM: Reason.OUR_NETWORK,
}
_OURS = frozenset(reason for reason in Reason if reason.startswith("our_"))

_X509_NOT_YET_VALID = 9
_X509_EXPIRED = 10
_X509_HOST_MISMATCH = 62
_X509_ADDRESS_MISMATCH = 64
_REASON_OF_CERTIFICATE = {
    _X509_NOT_YET_VALID: Reason.TLS_EXPIRED,
    _X509_EXPIRED: Reason.TLS_EXPIRED,
    _X509_HOST_MISMATCH: Reason.TLS_WRONG_HOST,
    _X509_ADDRESS_MISMATCH: Reason.TLS_WRONG_HOST,
}


class ProbeFailed(Exception):
    """A probe ended without an answer; carries the reason and a text for people."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def verdict_of(reason: Reason) -> Verdict:
    """Whether a reason speaks for the target, against it, or against ourselves."""
    if reason in _OURS:
        return Verdict.FAULT_OF_OURS
    return Verdict.SUCCESS if reason in (Reason.OK, Reason.SLOW) else Verdict.FAILURE


def reason_of(error: BaseException) -> Reason:
    """Name what stopped a connection; what nobody thought of is a fault of ours."""
    if isinstance(error, ProbeFailed):
        return error.reason
    if isinstance(error, ssl.SSLCertVerificationError):
        return _REASON_OF_CERTIFICATE.get(error.verify_code, Reason.TLS_HANDSHAKE)
    if isinstance(error, ssl.SSLError):
        return Reason.TLS_HANDSHAKE
    if isinstance(error, ConnectionError) and error.errno is None:
        return Reason.CLOSED
    if isinstance(error, OSError) and error.errno is not None:
        return _REASON_OF_ERRNO.get(error.errno, Reason.OUR_ERROR)
    return Reason.OUR_ERROR


def detail_of(error: BaseException) -> str:
    """What stopped a connection, in words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, ssl.SSLError) and (reason := getattr(error, "reason", None)):
        return str(reason).replace("_", " ").lower()
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


def legible(text: str) -> str:
    """At most 200 characters that a terminal may be shown: the rest came from the network."""
    if len(text) <= DETAIL_CHARACTERS_MAX and text.isprintable():
        return text
    short = text[:DETAIL_CHARACTERS_MAX]
    return "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in short
    )
