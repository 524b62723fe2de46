"""Owns itsdangerous: texts that leave with a signature (HMAC-SHA-256) and are believed only with it."""

import hashlib

import itsdangerous


class HmacSigner:
    """One secret key behind the port `Signer`; each purpose is signed with a key derived from it."""

    def __init__(self, secret_key: str) -> None:
        self._secret_key = secret_key

    def sign(self, text: str, *, purpose: str) -> str:
        """The text, a dot, and the signature in base 64 for addresses."""
        return self._signer(purpose).sign(text).decode()

    def read(self, signed: str, *, purpose: str) -> str | None:
        """The text; None where it was not signed with this key for this purpose."""
        try:
            return self._signer(purpose).unsign(signed).decode()
        except (itsdangerous.BadData, UnicodeError):
            return None

    def _signer(self, purpose: str) -> itsdangerous.Signer:
        return itsdangerous.Signer(
            self._secret_key, salt=purpose, key_derivation="hmac", digest_method=hashlib.sha256
        )
