"""Laws of the spaces that settings are drawn from."""

import math
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoselection_core.errors.recipe import InvalidSpaceError, SettingError
from autoselection_core.space import LOG, Axis, Choice, Count, Interval, Space, axes, check_settings

SPACES: tuple[Space, ...] = (
    Interval(0.05, 1.0),
    Interval(1e-5, 1e-1, LOG),
    Interval(-3.0, 4.0),
    Interval(2.0, 2.0),
    Count(1, 6),
    Count(1, 1000, LOG),
    Count(0, 0),
    Choice(("a", "b", "c")),
    Choice((0.5, 2)),
)
UNITS = st.floats(0.0, 1.0)


@given(st.sampled_from(SPACES), UNITS)
def test_every_place_decodes_to_a_value_that_is_allowed(space: Space, unit: float) -> None:
    space.check(space.decode(unit), "field")


@given(st.sampled_from(SPACES), UNITS)
def test_a_value_comes_back_from_its_place(space: Space, unit: float) -> None:
    value = space.decode(unit)

    again = space.decode(space.encode(value))  # type: ignore[arg-type]  # the value is this space's own

    assert again == value if isinstance(value, str | int) else math.isclose(again, value, rel_tol=1e-8)  # type: ignore[arg-type]  # as above


@given(st.sampled_from([space for space in SPACES if not isinstance(space, Choice)]), UNITS, UNITS)
def test_a_larger_value_stands_higher(space: Interval | Count, one: float, other: float) -> None:
    low, high = sorted([space.decode(one), space.decode(other)])

    assert 0.0 <= space.encode(low) <= space.encode(high) <= 1.0


@pytest.mark.parametrize("space", [Count(1, 4), Choice(("a", "b", "c", "d"))])
def test_uniform_places_decode_to_every_option_alike(space: Count | Choice) -> None:
    drawn = [space.decode((place + 0.5) / 400) for place in range(400)]

    assert {drawn.count(value) for value in drawn} == {100}


def test_a_logarithmic_interval_halves_its_factors() -> None:
    assert Interval(0.01, 1.0, LOG).decode(0.5) == 0.1


@pytest.mark.parametrize(
    ("space", "value"),
    [
        (Interval(0.05, 1.0), 0.04),
        (Interval(0.05, 1.0), math.nan),
        (Interval(0.05, 1.0), "0.5"),
        (Interval(0.05, 1.0), True),
        (Count(1, 6), 7),
        (Count(1, 6), 2.0),
        (Count(1, 6), True),
        (Choice(("a", "b")), "c"),
    ],
)
def test_a_value_outside_names_field_value_and_range(space: Space, value: object) -> None:
    with pytest.raises(SettingError) as caught:
        space.check(value, "fraction")

    assert str(caught.value).startswith(f"fraction is {value!r}, but must be ")
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # noqa: S301  # our own bytes


@pytest.mark.parametrize(
    "build",
    [
        lambda: Interval(1.0, 0.5),
        lambda: Interval(0.0, 1.0, LOG),
        lambda: Interval(math.nan, 1.0),
        lambda: Count(3, 2),
        lambda: Choice(()),
        lambda: Choice(("a", "a")),
    ],
)
def test_a_range_without_values_is_refused_where_it_is_written(build: Callable[[], Space]) -> None:
    with pytest.raises(InvalidSpaceError, match="is no range"):
        build()


@dataclass(frozen=True)
class Keep:
    signal: str
    fraction: Annotated[float, Interval(0.05, 1.0)] = 0.5
    times: Annotated[int, Count(1, 3)] = 1
    measure: Annotated[str, Choice(("cosine", "jaccard"))] = "cosine"


def test_axes_are_the_fields_with_a_space_in_their_order() -> None:
    assert axes(Keep) == (
        Axis("fraction", Interval(0.05, 1.0), 0.5),
        Axis("times", Count(1, 3), 1),
        Axis("measure", Choice(("cosine", "jaccard")), "cosine"),
    )


def test_checking_settings_names_the_first_bad_field() -> None:
    check_settings(Keep("ifd", times=3))

    with pytest.raises(SettingError, match="times is 4"):
        check_settings(Keep("ifd", times=4, measure="dot"))
