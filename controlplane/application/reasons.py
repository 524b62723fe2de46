"""Owns what may stand as a reason: one line of plain text, which the history keeps as it is."""

import unicodedata

REASON_CHARACTERS_MAX = 500

_CONTROL_CATEGORIES = frozenset({"Cc", "Zl", "Zp"})
_DIRECTION_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Reorder what follows them on a screen, so that a reason could read as something that it is not."""


def one_line(text: str) -> str:
    """The text without spaces around it.

    Raises:
        ValueError: there is nothing in it, or more than one line of plain text.
    """
    for character in text:
        if unicodedata.category(character) in _CONTROL_CATEGORIES or character in _DIRECTION_CONTROLS:
            raise ValueError(
                f"the character U+{ord(character):04X} is not allowed; write one line of plain text"
            )
    if not text.strip():
        raise ValueError("nothing but spaces; say why")
    return text.strip()
