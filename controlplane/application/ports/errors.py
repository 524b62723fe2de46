"""Owns how the outside fails, in the words of the application.

PortError
├── StoreError
│   ├── StoreUnavailable     nothing was sent, or a read failed: nothing has changed
│   └── OutcomeUnknown       a write was sent and no final answer came: it may still take effect
├── RegistryConflict         the definitions changed since they were read
├── DefinitionsUnreadable    what is stored is no fleet to this version of the program
├── DatabaseUnavailable      PostgreSQL does not answer; what was asked may be tried again
├── ControlUnavailable       the control API does not answer (seen by a prober)
├── HistoryRefused           the control API read a batch of history and will never take it
├── SpoolUnavailable         the disk does not take, or give back, what waits on it
├── RelayNotSent             another replica is not reachable: nothing was done there
└── RelayUnanswered          another replica was asked and did not answer: it may still do it
"""


class PortError(Exception):
    """Something outside did not do what was asked of it."""


class StoreError(PortError):
    """Consul did not do what was asked of it."""


class StoreUnavailable(StoreError):
    """Nothing was sent, or a read failed: nothing has changed."""


class OutcomeUnknown(StoreError):
    """A write was sent and no final answer came: it may still take effect, minutes later."""


class DatabaseUnavailable(PortError):
    """PostgreSQL does not answer, or broke off."""


class ControlUnavailable(PortError):
    """The control API does not answer, or refuses this prober."""


class HistoryRefused(PortError):
    """The control API read a batch of history and will never take it."""


class SpoolUnavailable(PortError):
    """The disk does not take what is to wait on it, or does not give it back."""


class RelayNotSent(PortError):
    """Another replica is not reachable: nothing was done there."""


class RelayUnanswered(PortError):
    """Another replica was asked and did not answer in time: what it was asked for may still be done."""


class RegistryConflict(PortError):
    """The definitions are at another revision than the one the change was made from."""

    def __init__(self, *, expected: int, found: int) -> None:
        super().__init__(f"definitions are at revision {found}, the change was made from {expected}")
        self.expected = expected
        self.found = found


class DefinitionsUnreadable(PortError):
    """What is stored is no fleet to this version of the program: a newer one wrote it, or a hand."""
