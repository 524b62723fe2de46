"""Owns the names of Consul keys: every key that the control plane or a reader touches is spelled here."""

from dataclasses import dataclass

DEFAULT_PREFIX = "controlplane/"
REVISION_DIGITS = 12
"""Width of a revision in a `log/` key, so that keys sort as numbers do."""
REVISION_LIMIT = 10**REVISION_DIGITS
"""Revisions of this size and above are refused by publishers and readers."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The key space below one prefix."""

    prefix: str = DEFAULT_PREFIX

    @property
    def leader(self) -> str:
        """`{holder, term, api, beat}`; `beat` rises with every renewal."""
        return f"{self.prefix}leader"

    @property
    def term(self) -> str:
        """Number of the current leadership, a decimal integer."""
        return f"{self.prefix}term"

    @property
    def registry(self) -> str:
        """Revision of the definitions, a decimal integer."""
        return f"{self.prefix}registry"

    @property
    def pause(self) -> str:
        """Everything that restrains the automation, one JSON value."""
        return f"{self.prefix}pause"

    @property
    def budget(self) -> str:
        """Ring of automatic moves within the longest window, one JSON value."""
        return f"{self.prefix}budget"

    @property
    def stores(self) -> str:
        """Prefix of the one key that identifies this store."""
        return f"{self.prefix}store/"

    def store(self, identity: str) -> str:
        """The key that exists only in the store with this identity."""
        return f"{self.stores}{identity}"

    def documents(self, kind: str) -> str:
        """Prefix of all documents of one kind: `failover` or `switches`."""
        return f"{self.prefix}{kind}/"

    def document(self, kind: str, name: str) -> str:
        """One document that services follow."""
        return f"{self.documents(kind)}{name}"

    @property
    def logs(self) -> str:
        """Prefix of the write-ahead log of all documents."""
        return f"{self.prefix}log/"

    def document_log(self, kind: str, name: str) -> str:
        """Prefix of the log of one document."""
        return f"{self.logs}{kind}/{name}/"

    def log(self, kind: str, name: str, revision: int) -> str:
        """The log entry of one revision of one document."""
        return f"{self.document_log(kind, name)}{revision:0{REVISION_DIGITS}d}"

    def failover_value(self, group: str) -> str:
        """Plain text: the active region of a group, or empty while fenced."""
        return f"{self.prefix}values/failover/{group}"

    @property
    def switch_values(self) -> str:
        """Prefix of the plain values of all switches."""
        return f"{self.prefix}values/switches/"

    def switch_value(self, service: str, switch: str) -> str:
        """Plain text: what a switch is worth to a reader that names neither region nor unit."""
        return f"{self.switch_values}{service}/{switch}"

    def work(self, kind: str, name: str) -> str:
        """What is under way beyond a document."""
        return f"{self.prefix}work/{kind}/{name}"

    @property
    def vantages(self) -> str:
        """Prefix of all vantage reports."""
        return f"{self.prefix}vantage/"

    def vantage(self, vantage: str, prober: str) -> str:
        """What one prober process of a vantage sees."""
        return f"{self.vantages}{vantage}/{prober}"


@dataclass(frozen=True, slots=True)
class LogKey:
    """A `log/` key taken apart."""

    kind: str
    name: str
    revision: int


def parse_log_key(keys: Keys, key: str) -> LogKey | None:
    """Take a key below `log/` apart; None if it was not written by this program."""
    parts = key.removeprefix(keys.logs).split("/")
    if not key.startswith(keys.logs) or len(parts) != 3:  # noqa: PLR2004 - kind, name, revision
        return None
    kind, name, digits = parts
    if len(digits) != REVISION_DIGITS or not (digits.isascii() and digits.isdigit()):
        return None
    return LogKey(kind=kind, name=name, revision=int(digits))
