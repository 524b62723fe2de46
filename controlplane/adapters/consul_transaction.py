"""Owns the wording of Consul transactions: operations to JSON, Consul's answer back to an outcome."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from controlplane.application.ports import (
    OPERATIONS_MAX,
    CheckAbsent,
    CheckIndex,
    Committed,
    CompareAndSet,
    DeleteCompare,
    Failure,
    Get,
    Operation,
    Put,
    Rejected,
    StoreUnavailable,
)

BODY_BYTES_MAX = 512 * 1024
"""Consul's `txn_max_req_len` and `kv_max_value_size`: a longer request body is refused with 413."""

Payload = list[dict[str, dict[str, Any]]]


def encode(operations: Sequence[Operation]) -> Payload:
    """The operations as `PUT /v1/txn` wants them, values in base64.

    Raises:
        StoreUnavailable: there are more than Consul takes in one transaction.
    """
    if len(operations) > OPERATIONS_MAX:
        raise StoreUnavailable(
            f"nothing was sent: {len(operations)} operations, a transaction takes at most {OPERATIONS_MAX}"
        )
    return [{"KV": _fields(operation)} for operation in operations]


def require_body_fits(length: int) -> None:
    """Refuse a request body that Consul would refuse.

    Raises:
        StoreUnavailable: `length` bytes are too many.
    """
    if length > BODY_BYTES_MAX:
        raise StoreUnavailable(
            f"nothing was sent: the request is {length} bytes long, Consul takes at most {BODY_BYTES_MAX}"
        )


def committed(operations: Sequence[Operation], body: Mapping[str, Any]) -> Committed:
    """Read the body of a 200; the index is 0 where nothing was written.

    Raises:
        KeyError, TypeError, ValueError: this is not Consul's answer to these operations.
    """
    return Committed(index=max(_written_indexes(operations, body["Results"]), default=0))


def rejected(body: Mapping[str, Any]) -> Rejected:
    """Read the body of a 409.

    Raises:
        KeyError, TypeError: this is not Consul's answer to a transaction.
    """
    return Rejected(
        failures=tuple(Failure(operation=error["OpIndex"], text=error["What"]) for error in body["Errors"])
    )


def _fields(operation: Operation) -> dict[str, Any]:
    match operation:
        case Get(key):
            return {"Verb": "get", "Key": key}
        case Put(key, value):
            return {"Verb": "set", "Key": key, "Value": _base64(value)}
        case CompareAndSet(key, value, index):
            return {"Verb": "cas", "Key": key, "Value": _base64(value), "Index": index}
        case DeleteCompare(key, index):
            return {"Verb": "delete-cas", "Key": key, "Index": index}
        case CheckIndex(key, index):
            return {"Verb": "check-index", "Key": key, "Index": index}
        case CheckAbsent(key):
            return {"Verb": "check-not-exists", "Key": key}


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _written_indexes(operations: Sequence[Operation], results: Sequence[Mapping[str, Any]]) -> Iterator[int]:
    """Consul answers the operations in order, and leaves out deletions and checks of absence."""
    answered = [
        operation for operation in operations if not isinstance(operation, DeleteCompare | CheckAbsent)
    ]
    for operation, result in zip(answered, results, strict=True):
        if isinstance(operation, Put | CompareAndSet):
            yield int(result["KV"]["ModifyIndex"])
