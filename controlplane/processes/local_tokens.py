"""Owns the tokens of processes that one supervisor starts together.

The secrets lie in the data directory, one private file each, and are the same after a restart. The control
process is given their hashes only, in a file, so that it knows them without PostgreSQL and without a secret.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from controlplane.application.gatekeeper import hashed
from controlplane.application.ports import Token
from controlplane.processes.private_file import kept_secret, private_folder, write_private


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalTokens:
    """Secrets of one installation, and the file that tells the control process their hashes."""

    admin: str = field(repr=False)
    prober: str = field(repr=False)
    hashes: Path


def make_local_tokens(data_dir: Path, *, vantage: str) -> LocalTokens:
    """The tokens kept in this data directory, made at the first call; the prober's is for this vantage.

    Raises:
        ProcessError: the files can neither be read nor written.
    """
    folder = private_folder(data_dir / "tokens")
    admin, prober = kept_secret(folder / "admin"), kept_secret(folder / "prober")
    tokens = (
        Token(name="local-admin", role="admin", sha256=hashed(admin)),
        Token(name="local-prober", role="prober", sha256=hashed(prober), vantage=vantage),
    )
    hashes = folder / "hashes.json"
    write_private(hashes, json.dumps([asdict(token) for token in tokens], indent=2) + "\n")
    return LocalTokens(admin=admin, prober=prober, hashes=hashes)


def load_token_hashes(path: Path) -> Sequence[Token]:
    """The tokens that `make_local_tokens` wrote down, for the process that is given the file."""
    return [Token(**row) for row in json.loads(path.read_text(encoding="utf-8"))]
