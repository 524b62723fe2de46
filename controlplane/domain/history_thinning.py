"""Owns what stays of blocks when their samples must go: their sums, a quarter of an hour at a time."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from controlplane.domain.history_block import (
    PAGE_BLOCKS_MAX,
    Block,
    Series,
    block_of_summary,
    pack_page,
    unpack_page,
)
from controlplane.domain.history_summary import Summary, added

THINNED_MINUTES = 15
"""Blocks of one quarter of an hour become one: small enough for its numbers to fit those of a block."""


class Thinning:
    """Takes pages in one after the other and answers with pages that hold no samples."""

    def __init__(self) -> None:
        self._quarters: defaultdict[tuple[int, Series], list[tuple[int, Summary]]] = defaultdict(list)

    def add(self, page: bytes) -> None:
        """Take one page in.

        Raises:
            HistoryFormatError: it is none.
        """
        for series, block in unpack_page(page):
            quarter = (block.minute // THINNED_MINUTES, series)
            self._quarters[quarter].append((block.minute, block.summary()))

    def pages(self) -> Iterator[bytes]:
        """What is left, by time and series."""
        entries = [(key[1], _block(self._quarters[key])) for key in sorted(self._quarters)]
        for start in range(0, len(entries), PAGE_BLOCKS_MAX):
            yield pack_page(entries[start : start + PAGE_BLOCKS_MAX])


def _block(parts: Sequence[tuple[int, Summary]]) -> Block:
    return block_of_summary(min(minute for minute, _ in parts), added(summary for _, summary in parts))
