"""Owns how the token of forms stands in a page: under a mask that is another one each time it is written.

Pages travel compressed, and how well a page compresses tells whoever can see its size whether something
that they had put beside a secret resembles it (BREACH). A token that never looks the same twice gives
nothing away.
"""

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from operator import xor


def masked(token: str) -> str:
    """The token under a new mask, in base 64 for addresses."""
    plain = token.encode()
    mask = secrets.token_bytes(len(plain))
    return urlsafe_b64encode(mask + _xor(mask, plain)).decode()


def unmasked(text: str) -> bytes:
    """What is under the mask; nothing, where there is none."""
    try:
        both = urlsafe_b64decode(text)
    except ValueError:
        return b""
    half = len(both) // 2
    return _xor(both[:half], both[half:])


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(map(xor, one, other))
