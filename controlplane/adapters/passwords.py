"""Owns Argon2id: how passwords are hashed and verified, with which costs, and how many at once.

The parameters are the second choice of RFC 9106 with one lane: 64 MiB and three passes, a quarter of a second
on a slow core. One at a time, so that a storm of log-ins takes one core and leaves the other to the probers.
"""

import asyncio
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

PASSES = 3
MEMORY_KIB = 64 * 1024
LANES = 1
HASHES_AT_ONCE_MAX = 1

_SALT_BYTES = 16
_HASH_BYTES = 32


def _encoded(length: int) -> str:
    return b64encode(bytes(length)).decode().rstrip("=")


_NOBODYS_HASH = (
    f"$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${_encoded(_SALT_BYTES)}${_encoded(_HASH_BYTES)}"
)
"""Costs what a real one costs; what is compared with it is refused in any case."""


class Argon2Hasher:
    """Argon2id behind the port `PasswordHasher`; `memory_kib` is for tests, which hash often."""

    def __init__(self, *, memory_kib: int = MEMORY_KIB) -> None:
        self._argon2 = PasswordHasher(time_cost=PASSES, memory_cost=memory_kib, parallelism=LANES)
        self._threads = ThreadPoolExecutor(HASHES_AT_ONCE_MAX, thread_name_prefix="passwords")

    async def hash(self, password: str) -> str:
        """A new hash, its parameters included."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._argon2.hash, password)

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Whether this is the password. Without a hash: the same work, for nothing, and False."""
        loop = asyncio.get_running_loop()
        compared = password_hash or _NOBODYS_HASH
        is_equal = await loop.run_in_executor(self._threads, self._is_equal, compared, password)
        return is_equal and password_hash is not None

    def needs_rehash(self, password_hash: str) -> bool:
        """Whether it was made with other parameters than today's."""
        return self._argon2.check_needs_rehash(password_hash)

    def _is_equal(self, password_hash: str, password: str) -> bool:
        try:
            return self._argon2.verify(password_hash, password)
        except (InvalidHashError, VerificationError):
            return False
