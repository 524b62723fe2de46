"""Owns how a command fails: one exception, what a program reads of it and what a person reads.

CommandFailed     exit code 1, one sentence on standard error
└── UnknownOutcome   an act was sent and may still take effect: neither done nor refused
"""

from typing import Any


class CommandFailed(Exception):
    """The command did not do what was asked; the text says why and what is allowed."""

    outcome = "failed"

    def __init__(self, text: str, *, code: str = "failed", details: dict[str, Any] | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.details = details or {}

    def to_json(self) -> dict[str, Any]:
        """What `--json` prints."""
        return {"outcome": self.outcome, "code": self.code, "text": str(self), **self.details}


class Refused(CommandFailed):
    """The control plane said no; nothing has changed."""

    outcome = "refused"


class UnknownOutcome(CommandFailed):
    """It was sent and may still take effect."""

    outcome = "unknown"
