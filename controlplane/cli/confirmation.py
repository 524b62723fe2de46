"""Owns how confirmation reads on a terminal: k of n, how long it took, who is missing and what they say.

Such as: applied 43 of 45 (95.6 %), p95 0.8 s; behind: checkout-1 at 41; nack: pay-2 "rate: not a float"
"""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Picture = Mapping[str, Any]

NAMES_MAX = 5
_SHORT_MS = 100
_QUOTED = frozenset({"ahead", "nack", "behind", "override", "confirmed"})
"""The classes of which the instances' own words are of use."""
_UNSEEN = frozenset({"Cc", "Cf", "Zl", "Zp"})
"""Characters that move the cursor or reorder what follows them: nobody's words are shown with these."""


def confirmation_of(answer: Picture, kind: str, name: str) -> Picture | None:
    """One document's confirmation among those of an answer; None where there is none."""
    found = (one for one in answer["confirmations"] if (one["kind"], one["name"]) == (kind, name))
    return next(found, None)


def confirmation_text(confirmation: Picture) -> str:
    """One document, without its name."""
    if not confirmation["instances"]:
        return "nobody follows it"
    if not confirmation["vantages"]:
        revision = confirmation["revision"]
        return f"applied: not known, no trusted vantage has reported on revision {revision} yet"
    return "; ".join([_applied(confirmation), *_classes(confirmation)])


def is_complete(confirmation: Picture) -> bool:
    """Whether everybody confirms."""
    complete: bool = confirmation["confirmed"] == confirmation["instances"]
    return complete


def _applied(confirmation: Picture) -> str:
    confirmed, instances, took = (confirmation[key] for key in ("confirmed", "instances", "took"))
    speed = f", p95 {_duration(took['p95_ms'])}" if took else ""
    return f"applied {confirmed} of {instances} ({confirmed / instances:.1%})".replace("%", " %") + speed


def _duration(milliseconds: int) -> str:
    return f"{milliseconds} ms" if milliseconds < _SHORT_MS else f"{milliseconds / 1000:.1f} s"


def _classes(confirmation: Picture) -> Iterator[str]:
    named: dict[str, list[Picture]] = {}
    for one in confirmation["stragglers"]:
        named.setdefault(one["ack"], []).append(one)
    for ack in {**confirmation["counts"], **named}:
        if ack in named or ack != "confirmed":
            who = named.get(ack, [])
            count = len(who) if ack == "confirmed" else confirmation["counts"][ack]
            yield f"{ack}: {_names(ack, who, count)}"


def _names(ack: str, who: Sequence[Picture], count: int) -> str:
    shown = [_name(ack, one) for one in who[:NAMES_MAX]]
    more = count - len(shown)
    if not shown:
        return str(count)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def _name(ack: str, one: Picture) -> str:
    held = f" at {one['revision']}" if ack in ("behind", "ahead") else ""
    said = f' "{_seen(one["text"])}"' if ack in _QUOTED and one["text"] else ""
    return f"{one['instance']}{held}{said}"


def _seen(text: str) -> str:
    return "".join(
        f"\\u{ord(character):04x}" if unicodedata.category(character) in _UNSEEN else character
        for character in text
    )
