"""What Hypothesis may come up with for stored history."""

from hypothesis import strategies as st

from controlplane.domain.history_block import Series, block_of_samples
from controlplane.domain.history_reasons import REASON_CODES
from controlplane.domain.history_samples import LATENCY_MAX, OFFSET_MS_MAX, Samples

numbers = st.integers(0, 2**63 - 1)
codes = st.sampled_from([*REASON_CODES.values(), 15, 127, 255])
names = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True)
ids = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,8}", fullmatch=True)
all_series = st.builds(Series, service=names, region=names, instance=ids, check=names)


@st.composite
def samples(draw: st.DrawFn, most: int = 60) -> Samples:
    """Samples at any times, with any latencies and reasons."""
    found = draw(
        st.lists(
            st.tuples(st.integers(-OFFSET_MS_MAX, OFFSET_MS_MAX), st.integers(0, LATENCY_MAX), codes),
            min_size=1,
            max_size=most,
        )
    )
    offsets, latencies, reasons = zip(*found, strict=True)
    return Samples(offsets, latencies, bytes(reasons))


blocks = st.builds(block_of_samples, st.integers(0, 2**31 - 1), samples(most=12))
pages = st.lists(st.tuples(all_series, blocks), max_size=20)
