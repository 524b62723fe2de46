"""Owns what is worth recording of evaluations and publications, and how it is put.

An evaluation is worth it when a group's state changed, or the reason why something that is due is not done; a
publication, when it did not come into force or may not have. What the automation tries again and again is
said once in a while.
"""

from dataclasses import dataclass, field
from datetime import datetime

from controlplane.application.moving import AUTOMATION
from controlplane.application.publication import Publication
from controlplane.application.results import Refused, Unknown
from controlplane.contract.documents import DocumentKind
from controlplane.contract.log_entries import Abandoned, LogEntryError, parse_log_entry
from controlplane.contract.times import rfc3339
from controlplane.domain.decision import Decision, Evaluation
from controlplane.domain.failover import GroupState, Stay
from controlplane.domain.history_records import EvaluationRecord

REPEATS_SECONDS = 60.0
STAY, MOVE = "stay", "move"
REFUSED, UNKNOWN = "refused", "unknown"

_AT_PEACE = frozenset({GroupState.STEADY, GroupState.COOLDOWN})
"""Where nothing is due, a changing reason is no news."""


@dataclass(slots=True)
class Whys:
    """Remembers what was seen last."""

    _seen: dict[str, tuple[GroupState, str]] = field(default_factory=dict)
    """Group → state and code of its last evaluation."""
    _tried: dict[tuple[str, str, str], datetime] = field(default_factory=dict)
    """Kind, name and code of a publication of the automation → when it was last worth recording."""

    def of_evaluation(self, evaluation: Evaluation) -> list[EvaluationRecord]:
        """What is worth recording of an evaluation."""
        at = rfc3339(evaluation.outlook.situation.now)
        records = []
        for decision in evaluation.decisions:
            former = self._seen.get(decision.group)
            now = (decision.state, _code(decision))
            self._seen[decision.group] = now
            if _is_news(former, now):
                records.append(_record(decision, former[0] if former else "", at))
        return records

    def of_publication(
        self, publication: Publication, result: Refused | Unknown, *, now: datetime
    ) -> EvaluationRecord | None:
        """What is worth recording of a publication that is not known to be in force."""
        outcome, code = (REFUSED, result.code) if isinstance(result, Refused) else (UNKNOWN, UNKNOWN)
        by, trace_id = _author(publication)
        if by == AUTOMATION and self._is_a_repeat((publication.kind, publication.name, code), now):
            return None
        return EvaluationRecord(
            kind=publication.kind,
            name=publication.name,
            at=rfc3339(now),
            outcome=outcome,
            code=code,
            reason=result.text,
            trace_id=trace_id,
            inputs={"by": by, "change_id": publication.change_id, "revision": publication.revision},
        )

    def _is_a_repeat(self, trial: tuple[str, str, str], now: datetime) -> bool:
        last = self._tried.get(trial)
        if last is not None and 0 <= (now - last).total_seconds() < REPEATS_SECONDS:
            return True
        self._tried[trial] = now
        return False


def _is_news(former: tuple[GroupState, str] | None, now: tuple[GroupState, str]) -> bool:
    if now[0] in _AT_PEACE:
        return former is not None and former[0] is not now[0]
    return former != now


def _record(decision: Decision, before: str, at: str) -> EvaluationRecord:
    return EvaluationRecord(
        kind=DocumentKind.FAILOVER,
        name=decision.group,
        at=at,
        outcome=STAY if isinstance(decision, Stay) else MOVE,
        code=_code(decision),
        reason=decision.reason,
        before=before,
        state=decision.state,
        inputs=decision.inputs,
    )


def _code(decision: Decision) -> str:
    return decision.code if isinstance(decision, Stay) else MOVE


def _author(publication: Publication) -> tuple[str, str | None]:
    """Who wanted a publication, and the trace id of their request; nobody where its entry does not say."""
    try:
        entry = parse_log_entry(publication.log_entry)
    except LogEntryError:
        return "", None
    return (entry.by, None) if isinstance(entry, Abandoned) else (entry.change.by, entry.trace_id)
