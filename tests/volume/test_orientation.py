"""Which affine a header means, and what no head can have."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from support import bad_files as bad

from brains45k.codes import Code
from brains45k.volume.orientation import Chosen, Orientation, choose_orientation, require_head_size
from brains45k.volume.refusal import RefusalError

SIZES = np.array([4.0, 4.0, 4.0])
SFORM, QFORM = bad.diagonal(), bad.rotated(bad.diagonal(), 2)


def choose(
    sform: NDArray[np.float64] | None = None, qform: NDArray[np.float64] | None = None, unit_mm: float = 1.0
) -> Chosen:
    return choose_orientation(Orientation(pixdim=SIZES / unit_mm, sform=sform, qform=qform), unit_mm=unit_mm)


def codes(chosen: Chosen) -> set[Code]:
    return {remark.code for remark in chosen.remarks}


def test_the_sform_is_taken_first() -> None:
    assert np.array_equal(choose(SFORM, QFORM).affine, SFORM)


def test_the_qform_is_taken_next() -> None:
    assert np.array_equal(choose(None, QFORM).affine, QFORM)


def test_without_either_the_voxels_stay_as_stored() -> None:
    chosen = choose()
    assert np.array_equal(chosen.affine, np.diag([4.0, 4.0, 4.0, 1.0]))
    assert not chosen.oriented
    assert codes(chosen) == {Code.F_NO_XFORM}


@given(st.sampled_from([1e-3, 1.0, 1e3]), st.floats(0.3, 11.0), st.floats(-45, 45))
def test_the_unit_scales_the_affine(unit_mm: float, step_mm: float, tilt_deg: float) -> None:
    affine = bad.rotated(bad.diagonal(step_mm), tilt_deg)
    in_unit = affine.copy()
    in_unit[:3] /= unit_mm
    pixdim = np.full(3, step_mm / unit_mm)
    chosen = choose_orientation(Orientation(pixdim=pixdim, sform=in_unit, qform=None), unit_mm=unit_mm)
    assert np.allclose(chosen.affine, affine)
    assert np.allclose(chosen.spacing_mm, step_mm)


@pytest.mark.parametrize(("angle_deg", "flagged"), [(0.0, False), (4.9, False), (5.1, True), (90.0, True)])
def test_a_disagreement_is_flagged_with_its_angle(angle_deg: float, flagged: bool) -> None:
    chosen = choose(SFORM, bad.rotated(SFORM, angle_deg))
    assert (Code.F_XFORM_DISAGREE in codes(chosen)) is flagged
    assert not flagged or chosen.remarks[0].detail == f"{angle_deg:.0f} degrees"


@pytest.mark.parametrize(("angle_deg", "expected"), [(0.4, set()), (0.6, {Code.F_SHEAR}), (4.9, {Code.F_SHEAR})])
def test_a_little_shear_is_flagged(angle_deg: float, expected: set[Code]) -> None:
    assert codes(choose(bad.sheared(angle_deg))) == expected


@pytest.mark.parametrize("angle_deg", [5.1, -20.0, 60.0])
def test_much_shear_is_refused(angle_deg: float) -> None:
    with pytest.raises(RefusalError) as caught:
        choose(bad.sheared(angle_deg))
    assert caught.value.code is Code.E_SHEAR


@pytest.mark.parametrize(("tilt_deg", "flagged"), [(29.0, False), (31.0, True), (45.0, True), (60.0, False)])
def test_oblique_is_measured_from_the_nearest_axis(tilt_deg: float, flagged: bool) -> None:
    # 60 degrees from one axis is 30 from the next; the border itself belongs to neither case.
    tilt_deg += 1.0 if tilt_deg == 60 else 0.0
    assert (Code.F_OBLIQUE in codes(choose(bad.rotated(SFORM, tilt_deg)))) is flagged


@pytest.mark.parametrize("spoiled", [np.zeros((4, 4)), np.full((4, 4), np.nan), np.full((4, 4), 3.0)])
def test_a_broken_sform_gives_way_to_the_qform(spoiled: NDArray[np.float64]) -> None:
    chosen = choose(spoiled, QFORM)
    assert np.array_equal(chosen.affine, QFORM)
    assert codes(chosen) == {Code.R_SFORM}


@pytest.mark.parametrize(
    ("shape", "spacing_mm"),
    [
        ((256, 256, 160), (1.0, 1.0, 1.0)),
        ((80, 10, 10), (1.0, 1.0, 1.0)),
        ((400, 40, 40), (1.0, 1.0, 1.0)),
        ((400, 400, 20), (0.2, 0.2, 12.0)),
    ],
)
def test_sizes_of_a_head_pass(shape: tuple[int, ...], spacing_mm: tuple[float, float, float]) -> None:
    require_head_size(shape, spacing_mm)


@pytest.mark.parametrize(
    ("shape", "spacing_mm"),
    [
        ((79, 79, 79), (1.0, 1.0, 1.0)),
        ((401, 40, 40), (1.0, 1.0, 1.0)),
        ((256, 256, 20), (1.0, 1.0, 12.1)),
        ((900, 900, 20), (0.19, 0.19, 5.0)),
    ],
)
def test_sizes_of_no_head_are_refused(shape: tuple[int, ...], spacing_mm: tuple[float, float, float]) -> None:
    with pytest.raises(RefusalError, match="field of view") as caught:
        require_head_size(shape, spacing_mm)
    assert caught.value.code is Code.E_SPACING_RANGE
