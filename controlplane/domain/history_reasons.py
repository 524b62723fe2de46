"""Owns the number that stands for each reason of an outcome in stored history: given once, never reused.

The number alone says the verdict, so that a reason which this version does not know yet still counts on the
right side: below 16 success, below 128 failure of the target, from there on fault of ours.
"""

from collections.abc import Mapping

from controlplane.domain.outcome import Outcome, Reason, Verdict

FAILURES_FROM = 16
FAULTS_FROM = 128
CODES = 256

REASON_CODES: Mapping[Reason, int] = {
    Reason.OK: 0,
    Reason.SLOW: 1,
    Reason.CONNECT_REFUSED: 16,
    Reason.CONNECT_TIMEOUT: 17,
    Reason.UNREACHABLE: 18,
    Reason.TLS_HANDSHAKE: 19,
    Reason.TLS_EXPIRED: 20,
    Reason.TLS_WRONG_HOST: 21,
    Reason.TIMEOUT: 22,
    Reason.CLOSED: 23,
    Reason.HEADER_TOO_LARGE: 24,
    Reason.BODY_TOO_LARGE: 25,
    Reason.NOT_HTTP: 26,
    Reason.REDIRECT: 27,
    Reason.STATUS: 28,
    Reason.BODY: 29,
    Reason.NAME_UNKNOWN: 30,
    Reason.OUR_DESCRIPTORS: 128,
    Reason.OUR_RESOLVER: 129,
    Reason.OUR_LATENESS: 130,
    Reason.OUR_NETWORK: 131,
    Reason.OUR_CANCELLATION: 132,
    Reason.OUR_LIMIT: 133,
    Reason.OUR_ERROR: 134,
}

_UNNUMBERED = {
    Verdict.SUCCESS: FAILURES_FROM - 1,
    Verdict.FAILURE: FAULTS_FROM - 1,
    Verdict.FAULT_OF_OURS: 255,
}
_REASONS = {code: reason.value for reason, code in REASON_CODES.items()}


def code_of(outcome: Outcome) -> int:
    """The number of an outcome's reason."""
    code = REASON_CODES.get(outcome.reason)
    return _UNNUMBERED[outcome.verdict] if code is None else code


def reason_of(code: int) -> str:
    """The reason that a number stands for; one that another version gave out is told by its number."""
    return _REASONS.get(code, f"reason-{code}")


def verdict_of(code: int) -> Verdict:
    """The verdict that a number stands for."""
    if code < FAILURES_FROM:
        return Verdict.SUCCESS
    return Verdict.FAILURE if code < FAULTS_FROM else Verdict.FAULT_OF_OURS
