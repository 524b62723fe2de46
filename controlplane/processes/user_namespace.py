"""Owns the disguise for programs that refuse root: a user namespace in which we bear another id."""

import os
import pwd
import subprocess
from collections.abc import Sequence

from controlplane.processes.errors import ProcessError

_TRIAL_TIMEOUT_SECONDS = 10


def as_known_user() -> tuple[str, ...]:
    """What to put before the command line of a program that runs only for an ordinary user with a name.

    Empty where we are one. For root, and for an id without a name, as containers have them: a namespace in
    which the program sees the id of a user that this machine knows. Outside, processes and files stay ours.
    """
    known = {user.pw_uid: user.pw_gid for user in pwd.getpwall() if user.pw_uid != 0}
    if os.geteuid() in known:
        return ()
    user, group = next(iter(known.items()), (1, 1))
    return ("unshare", "--user", f"--map-user={user}", f"--map-group={group}")


def require_namespace(prefix: Sequence[str]) -> None:
    """Try a command line prefix of `as_known_user`.

    Raises:
        ProcessError: this machine does not let us make such a namespace.
    """
    try:
        subprocess.run(  # noqa: S603 - fixed words, no shell
            [*prefix, "true"], capture_output=True, check=True, timeout=_TRIAL_TIMEOUT_SECONDS
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ProcessError(
            "PostgreSQL runs neither as root nor as a user without a name, and user namespaces are denied "
            f"here (`{' '.join(prefix)}` fails): start controlplane as an ordinary user, or set "
            "CONTROLPLANE_DATABASE_URL to a server of yours"
        ) from error
