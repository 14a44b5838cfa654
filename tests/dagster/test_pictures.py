"""Pictures in metadata."""

from hypothesis import given
from hypothesis import strategies as st

from autoselection_dagster.values.metadata.pictures import sparkline

INLINE_CHARACTERS = 1_000
"""The UI shows markdown in the row only below this length."""


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=500))
def test_a_sparkline_always_fits_into_the_row(values: list[float]) -> None:
    assert len(sparkline(values).value or "") < INLINE_CHARACTERS
