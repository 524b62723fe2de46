"""Owns the `Controlplane-Applied` header: how a reader says which documents are in force in it.

The header is an RFC 9651 dictionary that rides on health responses, one member per document:

    Controlplane-Applied: failover.checkout=17;sum="9a3f01c2";state=ok;src=live
    Controlplane-Applied: switches.checkout=41;sum="…";state=nack;src=live;observed=42;err=%"not a bool"

It is advice from the network: bounded, and read strictly. One malformed member refuses the whole header;
members of unknown kinds and unknown parameters are ignored, so that newer readers can say more.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote_to_bytes

from controlplane.contract.documents import DocumentKind
from controlplane.contract.keys import REVISION_DIGITS, REVISION_LIMIT
from controlplane.contract.names import is_name

APPLIED_HEADER = "Controlplane-Applied"
HEADER_BYTES_MAX = 4096
ERROR_BYTES_MAX = 200
"""Of an `err`, as UTF-8 and before it is escaped."""


class AppliedError(ValueError):
    """This is not a `Controlplane-Applied` header; the text says what is wrong."""


class AppliedState(StrEnum):
    """How the document in force stands to what Consul holds."""

    OK = "ok"
    """It is what Consul holds."""
    NACK = "nack"
    """Consul holds another one, which the reader refused; `observed` and `err` say which and why."""
    STALE = "stale"
    """Nobody could be asked, or only a server without leader answered."""
    ABSENT = "absent"
    """Consul holds none; the last one stays in force."""


class AppliedSource(StrEnum):
    """Where the value in force came from."""

    LIVE = "live"
    DISK = "disk"
    DEFAULT = "default"
    """The code's default: there has been no document yet."""
    OVERRIDE = "override"


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """The acknowledgement of one document by one reader.

    `revision` is 0 and `sum` empty where no document is in force. `observed` is the revision that was
    refused, where one could be read.
    """

    kind: DocumentKind
    name: str
    revision: int
    sum: str
    state: AppliedState
    src: AppliedSource = AppliedSource.LIVE
    observed: int | None = None
    err: str = ""

    def __post_init__(self) -> None:
        if not is_name(self.name):
            raise AppliedError(f"{self.name!r} is not a name")
        if not (0 <= self.revision < REVISION_LIMIT and 0 <= (self.observed or 0) < REVISION_LIMIT):
            raise AppliedError(f"a revision of {self.name} is not between 0 and {REVISION_LIMIT - 1}")
        if not _SUM.fullmatch(self.sum) if self.revision else self.sum:
            raise AppliedError(f"sum {self.sum!r} does not go with revision {self.revision}")
        if len(self.err.encode()) > ERROR_BYTES_MAX:
            raise AppliedError(f"err has more than {ERROR_BYTES_MAX} bytes")


def shorten(text: str) -> str:
    """The longest beginning of `text` that may stand in `err`."""
    return text.encode("utf-8", "replace")[:ERROR_BYTES_MAX].decode("utf-8", "ignore")


# ── writing ──


def render(entries: Iterable[Applied]) -> str:
    """The header's value, refusals first; what does not fit into 4 KiB is left out from the end."""
    rendered = ""
    for entry in sorted(entries, key=lambda entry: entry.state is not AppliedState.NACK):
        longer = f"{rendered}, {_member(entry)}" if rendered else _member(entry)
        if len(longer) > HEADER_BYTES_MAX:
            break
        rendered = longer
    return rendered


def _member(entry: Applied) -> str:
    return f"{entry.kind}.{entry.name}={entry.revision}" + "".join(_parameters(entry))


def _parameters(entry: Applied) -> Iterator[str]:
    if entry.sum:
        yield f';sum="{entry.sum}"'
    yield f";state={entry.state};src={entry.src}"
    if entry.observed is not None:
        yield f";observed={entry.observed}"
    if entry.err:
        yield f";err={_display_string(entry.err)}"


def _display_string(text: str) -> str:
    return '%"' + "".join(_escaped(byte) for byte in text.encode()) + '"'


def _escaped(byte: int) -> str:
    printable = 0x20 <= byte < 0x7F  # noqa: PLR2004 - from space to tilde, as RFC 9651 says
    return chr(byte) if printable and byte not in b'%"' else f"%{byte:02x}"


# ── reading ──

_SUM = re.compile(r"[0-9a-f]{8}")
_KEY = r"[a-z*][a-z0-9_\-.*]*"
_BARE_ITEMS = (
    r"-?[0-9]{1,12}\.[0-9]{1,3}",  # decimal
    r"@?-?[0-9]{1,15}",  # integer or date
    r'"(?:[ !#-\[\]-~]|\\["\\])*"',  # string
    r"[A-Za-z*][!#$%&'*+\-.^_`|~:/0-9A-Za-z]*",  # token
    r":[A-Za-z0-9+/=]*:",  # bytes
    r"\?[01]",  # boolean
    r'%"(?:[ !#$&-~]|%[0-9a-f]{2})*"',  # display string
)
_BARE_ITEM = "|".join(_BARE_ITEMS)
_PARAMETER = re.compile(rf";[ ]*({_KEY})(?:=({_BARE_ITEM}))?")
_MEMBER = re.compile(rf"({_KEY})(?:=({_BARE_ITEM}))?((?:;[ ]*{_KEY}(?:=(?:{_BARE_ITEM}))?)*)")
_COMMA = re.compile(r"[ \t]*,[ \t]*")
_REVISION = re.compile(rf"[0-9]{{1,{REVISION_DIGITS}}}")
_TRUE = "?1"
"""What RFC 9651 reads where no value is written."""


def parse(header: str) -> tuple[Applied, ...]:
    """Read the header's value, several lines joined by commas; the last of equal members counts.

    Raises:
        AppliedError: longer than 4 KiB, not an RFC 9651 dictionary of single items, or a member that
            names a document and breaks the rules of this page.
    """
    if len(header) > HEADER_BYTES_MAX:
        raise AppliedError(f"{len(header)} bytes, at most {HEADER_BYTES_MAX} are allowed")
    entries = {}
    for key, value, parameters in _members(header.strip(" ")):
        kind, dot, name = key.partition(".")
        if dot and kind in DocumentKind.__members__.values():
            entries[key] = _applied(DocumentKind(kind), name, value, parameters)
    return tuple(entries.values())


def _members(text: str) -> Iterator[tuple[str, str, dict[str, str]]]:
    position = 0
    while position < len(text):
        member = _MEMBER.match(text, position)
        if member is None:
            raise AppliedError(f"no dictionary member at byte {position}: {text[position : position + 40]!r}")
        key, value, parameters = member.groups()
        yield key, value or _TRUE, {name: item or _TRUE for name, item in _PARAMETER.findall(parameters)}
        position = _after_comma(text, member.end())


def _after_comma(text: str, position: int) -> int:
    if position == len(text):
        return position
    comma = _COMMA.match(text, position)
    if comma is None or comma.end() == len(text):
        raise AppliedError(f"a comma and a member are wanted at byte {position}: {text[position:][:40]!r}")
    return comma.end()


def _applied(kind: DocumentKind, name: str, value: str, parameters: Mapping[str, str]) -> Applied:
    try:
        return Applied(
            kind=kind,
            name=name,
            revision=_revision(value),
            sum=parameters.get("sum", '""')[1:-1],
            state=AppliedState(parameters["state"]),
            src=AppliedSource(parameters.get("src", AppliedSource.LIVE)),
            observed=_revision(parameters["observed"]) if "observed" in parameters else None,
            err=_display_text(parameters.get("err", '%""')),
        )
    except AppliedError:
        raise
    except (KeyError, ValueError) as error:
        raise AppliedError(f"{kind}.{name}: {type(error).__name__}: {error}") from error


def _revision(item: str) -> int:
    if not _REVISION.fullmatch(item):
        raise AppliedError(f"a revision is wanted, not {item[:40]!r}")
    return int(item)


def _display_text(item: str) -> str:
    if not item.startswith('%"'):
        raise AppliedError(f"err is a display string, not {item[:40]!r}")
    return unquote_to_bytes(item[2:-1]).decode()
