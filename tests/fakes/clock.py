"""Time and identifiers that a test owns."""

import asyncio
from datetime import UTC, datetime, timedelta

EPOCH = datetime(2026, 1, 12, 9, 30, tzinfo=UTC)


class FakeClock:
    """Reads the event loop's time, which `looptime` makes virtual; `skew` shifts the wall clock alone."""

    def __init__(self, start: datetime = EPOCH) -> None:
        self.start = start
        self.skew = timedelta()

    def now(self) -> datetime:
        return self.start + self.skew + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()


class FakeIdentifiers:
    """Counts: `id-00000001`, `id-00000002` and so on."""

    def __init__(self) -> None:
        self.count = 0

    def new(self) -> str:
        self.count += 1
        return f"id-{self.count:08d}"

    def secret(self) -> str:
        return f"secret-{self.new()}"
