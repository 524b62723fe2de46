"""Owns the list of failures of all rooms whose text is meant for the person who typed the command.

Apart from `cli.main`, because naming them loads every room.
"""

from controlplane.api.server import AddressUnavailable
from controlplane.application.accounts import PasswordNotAllowed
from controlplane.application.ports import PortError
from controlplane.bootstrap.endpoints import NotConfigured
from controlplane.processes.chaos import ChaosError
from controlplane.processes.errors import ProcessError

KNOWN = (AddressUnavailable, ChaosError, NotConfigured, PasswordNotAllowed, PortError, ProcessError)
