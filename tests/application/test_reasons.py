"""What may stand as a reason."""

import pytest

from controlplane.application.reasons import one_line


def test_a_reason_is_kept_as_it_is() -> None:
    """Spaces around it go, everything else stays, in any script."""
    assert one_line(" INC-4821 缩减 recommendation load ") == "INC-4821 缩减 recommendation load"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "say why"),
        ("   ", "say why"),
        ("one\ntwo", "U+000A"),
        ("a\u2028b", "U+2028"),
        ("abc\u202edef", "U+202E"),
    ],
)
def test_what_is_no_line_of_plain_text_is_refused(text: str, word: str) -> None:
    """The sentence names the character, or what is missing."""
    with pytest.raises(ValueError, match=word.replace("+", r"\+")):
        one_line(text)
