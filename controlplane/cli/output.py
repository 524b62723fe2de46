"""Owns what is printed: text within 80 columns or one JSON value, and no control character of others."""

import json
import sys
import textwrap
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import typer

COLUMNS = 80
INDENT = "  "

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON value instead of text.")]


def say(text: str = "", *, indent: int = 0) -> None:
    """Print a paragraph, wrapped."""
    print(wrapped(text, indent=indent))


def say_item(text: str) -> None:
    """Print one item of a list: it begins at the edge, what does not fit goes on indented."""
    print(_filled(visible(text), "", INDENT))


def complain(text: str) -> None:
    """Print on standard error, one item per line of the text."""
    for line in text.splitlines():
        print(_filled(visible(line), "", INDENT), file=sys.stderr)


def say_json(value: Any) -> None:
    """Print one JSON value."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def say_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print columns; what does not fit in the last one goes on below itself."""
    lines = [[visible(str(cell)) for cell in row] for row in (header, *rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header) - 1)]
    for line in lines:
        start = "".join(f"{cell:<{width}}  " for cell, width in zip(line, widths, strict=False))
        print(_continued(start, line[-1]))


def wrapped(text: str, *, indent: int = 0) -> str:
    """A paragraph within the columns; words longer than a line are kept whole, they may be copied."""
    return _continued(INDENT * indent, visible(text))


def visible(text: str) -> str:
    """The text, with control characters spelled out: nobody's data moves our cursor."""
    return "".join(
        f"\\u{ord(character):04x}" if unicodedata.category(character) == "Cc" else character
        for character in text
    )


def _continued(start: str, text: str) -> str:
    return _filled(text, start, " " * len(start)) or start.rstrip()


def _filled(text: str, first: str, following: str) -> str:
    return textwrap.fill(
        text,
        COLUMNS,
        initial_indent=first,
        subsequent_indent=following,
        break_long_words=False,
        break_on_hyphens=False,
    )
