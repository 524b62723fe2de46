"""Owns the numbers of series: a row each, made at the first block, remembered for a day."""

from collections.abc import Iterable, Mapping
from dataclasses import astuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from controlplane.domain.history_block import Series

_NUMBER = text(
    """
    INSERT INTO probe_series (vantage, service, region, instance, "check", seen_day)
    SELECT :vantage, named.service, named.region, named.instance, named."check", :day
    FROM unnest(
        CAST(:services AS text[]), CAST(:regions AS text[]),
        CAST(:instances AS text[]), CAST(:checks AS text[])
    ) AS named (service, region, instance, "check")
    ON CONFLICT (vantage, service, region, instance, "check")
    DO UPDATE SET seen_day = greatest(probe_series.seen_day, excluded.seen_day)
    RETURNING service, region, instance, "check", id
    """
)

Numbers = Mapping[Series, int]


class SeriesNumbers:
    """What this process knows of the numbers. A new day makes it ask again: so rows say who is alive."""

    def __init__(self) -> None:
        self._day = 0
        self._known: dict[str, dict[Series, int]] = {}
        """By vantage."""

    async def find(
        self, connection: AsyncConnection, vantage: str, series: Iterable[Series], *, day: int
    ) -> Numbers:
        """The number of each series; those without a row are given one in the transaction under way."""
        wanted = set(series)
        known = self._known.get(vantage, {}) if day <= self._day else {}
        numbers = {one: known[one] for one in wanted & known.keys()}
        unknown = sorted(wanted - known.keys())
        if unknown:
            numbers |= await _numbered(connection, vantage, unknown, day)
        return numbers

    def learn(self, vantage: str, numbers: Numbers, *, day: int) -> None:
        """Remember numbers, once the transaction that made them has been committed."""
        if day > self._day:
            self._day, self._known = day, {}
        self._known.setdefault(vantage, {}).update(numbers)


async def _numbered(
    connection: AsyncConnection, vantage: str, series: list[Series], day: int
) -> dict[Series, int]:
    columns = zip(*map(astuple, series), strict=True)
    services, regions, instances, checks = map(list, columns)
    names = {"services": services, "regions": regions, "instances": instances, "checks": checks}
    rows = await connection.execute(_NUMBER, {"vantage": vantage, "day": day, **names})
    return {Series(*row[:4]): row[4] for row in rows}
