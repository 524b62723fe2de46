"""Owns how long lists are shown: a hundred rows at a time, the number of the page in the address."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import urlencode

from starlette.requests import Request

ROWS_MAX = 100

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list, and where its neighbours are."""

    rows: Sequence[T]
    first: int
    """Number of the first row, from 1; 0 where there is none."""
    total: int
    before: str | None
    """Address of the page before; None: there is none."""
    after: str | None

    @property
    def last(self) -> int:
        """Number of the last row."""
        return self.first + len(self.rows) - 1 if self.rows else 0


def page_of(rows: Sequence[T], request: Request) -> Page[T]:
    """The page that the address asks for with `page`; one that does not exist is the nearest that does."""
    pages = max(1, -(-len(rows) // ROWS_MAX))
    number = min(max(_number(request.query_params.get("page", "")), 1), pages)
    begin = (number - 1) * ROWS_MAX
    shown = rows[begin : begin + ROWS_MAX]
    return Page(
        rows=shown,
        first=begin + 1 if shown else 0,
        total=len(rows),
        before=_address(request, number - 1) if number > 1 else None,
        after=_address(request, number + 1) if number < pages else None,
    )


def _number(text: str) -> int:
    digits = text[:9]
    return int(digits) if digits.isascii() and digits.isdigit() else 1


def _address(request: Request, number: int) -> str:
    """This address with another page; what else it asks for stays."""
    others = [(name, value) for name, value in request.query_params.multi_items() if name != "page"]
    return f"{request.url.path}?{urlencode([*others, ('page', number)])}"
