"""Judging voxels: what cannot be an image, and what deserves a remark."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from support import bad_files as bad

from brains45k.codes import Code
from brains45k.volume.content import Named, judge_content
from brains45k.volume.image import Intensities
from brains45k.volume.refusal import RefusalError

HEAD = bad.head_voxels().astype(np.float32)


def codes(voxels: NDArray[np.float32], *, named: Named = Named.UNKNOWN) -> set[Code]:
    return {remark.code for remark in judge_content(Intensities(voxels.copy()), named=named)[1]}


def refusal(voxels: NDArray[np.float32]) -> Code:
    with pytest.raises(RefusalError) as caught:
        judge_content(Intensities(voxels.copy()))
    return caught.value.code


def test_a_head_passes_without_remark() -> None:
    intensities = Intensities(HEAD.copy())
    judged, remarks = judge_content(intensities)
    assert judged is intensities
    assert np.array_equal(judged.stored, HEAD)
    assert remarks == ()


@given(st.floats(0.01, 1e6), st.floats(-1e5, 1e5))
def test_any_gain_and_offset_pass(gain: float, offset: float) -> None:
    voxels = (HEAD * np.float32(gain) + np.float32(offset)).astype(np.float32)
    if np.unique(voxels).size > 64 and not (voxels.min() >= 0 and voxels.max() <= 1):
        expected = {Code.F_NEGATIVE} if voxels.min() < 0 else set()
        assert codes(voxels) - {Code.F_HOT_VOXEL} == expected


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [(0, 5, 5), (1, 9, 9), (-2, 9, 9), (9, 9, -1)])
def test_few_at_the_border_become_background(value: float, place: tuple[int, int, int]) -> None:
    voxels = HEAD.copy()
    voxels[place] = value
    judged, remarks = judge_content(Intensities(voxels))
    expected = HEAD.copy()
    expected[place] = 0
    assert np.array_equal(judged.scale(judged.stored), expected)
    assert [remark.code for remark in remarks] == [Code.R_NAN]
    assert not np.isfinite(voxels[place]), "the input was changed"


@pytest.mark.parametrize("place", [(2, 9, 9), (9, 9, -3), (12, 12, 12)])
def test_one_inside_is_refused(place: tuple[int, int, int]) -> None:
    voxels = HEAD.copy()
    voxels[place] = np.nan
    assert refusal(voxels) is Code.E_NAN


@pytest.mark.parametrize("count", range(2, 65, 6))
@pytest.mark.parametrize("first", [0, -5, 100])
def test_label_maps_are_refused(count: int, first: int) -> None:
    assert refusal(bad.levels(count, dtype="float32") + np.float32(first)) is Code.E_LABELMAP


@given(st.floats(-1e4, 1e4, width=32), st.floats(0.015625, 1e4, width=32))
def test_two_values_are_a_mask_whatever_they_are(low: float, step: float) -> None:
    voxels = np.where(HEAD > 300, np.float32(low + step), np.float32(low)).astype(np.float32)
    assert refusal(voxels) is Code.E_LABELMAP


@pytest.mark.parametrize("top", [0.6, 0.9999, 1.0])
def test_a_probability_map_is_refused_unless_expected(top: float) -> None:
    voxels = HEAD / HEAD.max() * np.float32(top)
    assert refusal(voxels) is Code.E_DERIVED
    assert codes(voxels, named=Named.DERIVED) == {Code.F_DERIVED}
    assert codes(voxels, named=Named.IMAGE) == {Code.F_UNIT_RANGE}


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize(("size", "flagged"), [(14, True), (15, False)])
def test_thin_is_flagged_along_any_axis(axis: int, size: int, flagged: bool) -> None:
    voxels = np.take(HEAD, range(3, 3 + size), axis)
    assert (Code.F_THIN in codes(voxels)) is flagged


@pytest.mark.parametrize("place", [(0, 0, 0), (12, 11, 10), (-1, -1, -1), (0, 0, 97 % 22)])
def test_one_hot_voxel_is_flagged_wherever_it_is(place: tuple[int, int, int]) -> None:
    voxels = HEAD.copy()
    voxels[place] = 1e9
    assert codes(voxels) == {Code.F_HOT_VOXEL}


def test_a_large_image_is_judged_by_a_sample() -> None:
    voxels = np.tile(HEAD, (4, 4, 4))
    assert codes(voxels) == set()
    voxels[40, 40, 40] = 1e9
    assert codes(voxels) == {Code.F_HOT_VOXEL}


@pytest.mark.parametrize(("slope", "intercept"), [(1, 0), (0.5, 0), (2, -100), (-1, 0), (-0.25, 4000)])
@pytest.mark.parametrize("named", Named)
def test_the_judgement_is_of_the_intensities_not_of_what_is_stored(
    slope: float, intercept: float, named: Named
) -> None:
    stored = bad.head_voxels().copy()
    stored[12, 11, 10] = 32000
    scaled = (stored.astype(np.float64) * slope + intercept).astype(np.float32)
    _, remarks = judge_content(Intensities(stored, slope, intercept), named=named)
    assert remarks == judge_content(Intensities(scaled), named=named)[1]


def test_a_scaled_label_map_is_refused_as_stored() -> None:
    for slope in (1.0, 3.0, -2.0):
        with pytest.raises(RefusalError) as caught:
            judge_content(Intensities(bad.levels(40), slope, 5.0))
        assert caught.value.code is Code.E_LABELMAP


@pytest.mark.parametrize(("slope", "intercept"), [(1e38, 0.0), (-1e38, 0.0), (1.0, 3e38)])
def test_what_float32_cannot_hold_is_not_finite(slope: float, intercept: float) -> None:
    stored = (HEAD * 1e35).astype(np.float32) if slope == 1 else bad.head_voxels()
    with pytest.raises(RefusalError) as caught:
        judge_content(Intensities(stored, slope, intercept))
    assert caught.value.code is Code.E_NAN
