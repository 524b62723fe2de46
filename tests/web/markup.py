"""Reads a page as a browser does, and judges what of it could run."""

from collections.abc import Sequence
from html.parser import HTMLParser

_FORBIDDEN_TAGS = frozenset({"img", "iframe", "object", "embed", "style", "base"})


class _Markup(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        source, target = values.get("src") or "", values.get("href") or values.get("action") or ""
        is_ours = tag != "script" or source.startswith("/static/")
        if tag in _FORBIDDEN_TAGS or not is_ours or any(name.startswith("on") for name in values):
            self.wrong.append(f"{tag} {values}")
        if target and not target.startswith(("/", "#")):
            self.wrong.append(f"{tag} leads to {target}")


def harmless(page: str) -> None:
    """Fails where the hostile text of `test_pages` is not on the page, was evaluated, or became markup."""
    assert "{{7*7}}" in page, "the hostile text is on the page"
    markup = _Markup()
    markup.feed(page)
    assert markup.wrong == []
