"""Asks this machine's package managers which hosts they fetch from, so that no list of them is needed."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

_HOST = re.compile(r"[a-z+]+://(?:[^/@\s]*@)?([^/:,\s]+\.[a-z][^/:,\s]*)")
"""A name with a dot; a numeric address is a mirror nearby and may stand in an example by chance."""
_COMMANDS = (
    ("apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages"),
    ("npm", "config", "get", "registry"),
    ("go", "env", "GOPROXY"),
)
_PIP_DEFAULTS = (
    "from pip._internal.models.index import PyPI; print(PyPI.url, 'https://' + PyPI.file_storage_domain)"
)
_SECONDS_MAX = 30.0


def registry_hosts() -> frozenset[str]:
    """The hosts of every package manager that is installed here; pip's always."""
    beside = Path(sys.executable).parent
    commands: list[tuple[str, ...]] = [
        (sys.executable, "-c", _PIP_DEFAULTS),
        (sys.executable, "-m", "pip", "config", "list"),
    ]
    for name, *arguments in _COMMANDS:
        if program := shutil.which(name) or shutil.which(name, path=str(beside)):
            commands.append((program, *arguments))
    return frozenset(host for command in commands for host in _HOST.findall(_said(command)))


def _said(command: Iterable[str]) -> str:
    answer = subprocess.run(tuple(command), check=False, capture_output=True, text=True, timeout=_SECONDS_MAX)
    return answer.stdout
