"""Stored numbers and the straight line to intensities."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from support import bad_files as bad
from support.volumes import image_of

from brains45k.volume.image import Intensities

STORED = hnp.arrays(
    st.sampled_from(["u1", "i1", "<u2", ">u2", "<i2", ">i2"]), st.tuples(*[st.integers(1, 5)] * 3)
)  # fmt: skip
# What float32 holds exactly on the way: the plain definition below is in float64.
SLOPES = st.sampled_from([1.0, 0.5, 2.0, -1.0, -0.25])
INTERCEPTS = st.sampled_from([0.0, -24.0, 1024.0, 0.5])


@given(STORED, SLOPES, INTERCEPTS)
def test_intensities_are_stored_times_slope_plus_intercept(
    stored: NDArray[Any], slope: float, intercept: float
) -> None:
    image = image_of(stored, slope=slope, intercept=intercept)
    assert image.voxels.dtype == np.dtype("=f4")
    assert np.array_equal(image.voxels, stored.astype(np.float64) * slope + intercept)


@given(STORED, SLOPES, INTERCEPTS)
def test_the_range_is_that_of_the_intensities(stored: NDArray[Any], slope: float, intercept: float) -> None:
    intensities = Intensities(stored, slope, intercept)
    scaled = intensities.scale(stored)
    assert intensities.range() == (scaled.min(), scaled.max())


@given(STORED, SLOPES, INTERCEPTS)
def test_rising_keeps_the_intensities_and_the_order(stored: NDArray[Any], slope: float, intercept: float) -> None:
    intensities = Intensities(stored, slope, intercept)
    rising = intensities.rising()
    assert rising.slope > 0
    assert np.array_equal(rising.scale(rising.stored), intensities.scale(stored))
    assert rising.scale(rising.stored).flat[rising.stored.argmin()] == intensities.range()[0]


def test_a_rising_line_is_left_as_it_is() -> None:
    intensities = Intensities(bad.head_voxels(), 0.5, -3.0)
    assert intensities.rising() is intensities


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("slope", [1.0, -2.0])
def test_the_range_shows_one_voxel_that_is_not_finite(value: float, slope: float) -> None:
    assert not np.isfinite(Intensities(bad.spoiled(value, where="middle"), slope).range()).all()


def test_the_range_shows_what_float32_cannot_hold() -> None:
    assert Intensities(bad.head_voxels(), 1e38).range() == (0, np.inf)


@pytest.mark.parametrize("dtype", ["int16", "float32"])
@pytest.mark.parametrize(("slope", "intercept"), [(1.0, 0.0), (2.0, 5.0)])
def test_voxels_are_a_new_array_each_time(dtype: str, slope: float, intercept: float) -> None:
    stored = bad.head_voxels().astype(dtype)
    before = stored.copy()
    image = image_of(stored, slope=slope, intercept=intercept)
    image.voxels[...] = -1
    assert np.array_equal(stored, before)
    assert image.voxels.max() > 0


def test_scaling_in_place_is_in_place() -> None:
    values = bad.head_voxels().astype(np.float32)
    assert Intensities(values, 2.0, 1.0).scale_in_place(values) is values
    assert np.array_equal(values, bad.head_voxels() * 2 + 1)
