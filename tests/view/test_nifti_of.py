"""Levels as NIfTI: what nibabel reads is what was stored."""

import nibabel
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brains45k.corpus.chunks import TOP_LEVEL
from brains45k.view.nifti_of import nifti_of

AFFINE = np.array([[0.0, -0.9, 0.0, 12.5], [1.1, 0.0, 0.0, -80.0], [0.0, 0.0, 1.3, 3.25], [0.0, 0.0, 0.0, 1.0]])


def levels_of(shape: tuple[int, ...], seed: int = 0) -> npt.NDArray[np.uint16]:
    return np.random.default_rng(seed).integers(0, TOP_LEVEL + 1, shape, np.uint16)


def read(levels: npt.NDArray[np.uint16]) -> nibabel.Nifti1Image:
    return nibabel.Nifti1Image.from_bytes(b"".join(nifti_of(levels, AFFINE.ravel().tolist())))


@given(shape=st.tuples(*[st.integers(1, 9)] * 3), seed=st.integers(0, 99), order=st.sampled_from("CF"))
def test_voxels_come_back(shape: tuple[int, int, int], seed: int, order: str) -> None:
    levels = levels_of(shape, seed)
    image = read(np.asarray(levels, order=order))  # type: ignore[call-overload]
    np.testing.assert_allclose(image.get_fdata(), levels / TOP_LEVEL, rtol=1e-7, atol=0)
    np.testing.assert_array_equal(image.dataobj.get_unscaled(), levels)


def test_the_place_comes_back() -> None:
    image = read(levels_of((3, 4, 5)))
    np.testing.assert_allclose(image.affine, AFFINE, rtol=1e-6)
    np.testing.assert_allclose(image.header.get_sform(), AFFINE, rtol=1e-6)
    assert image.header.get_zooms() == pytest.approx((1.1, 0.9, 1.3))
    assert image.header.get_xyzt_units()[0] == "mm"


def test_the_window_is_that_of_preprocessed_volumes() -> None:
    header = read(levels_of((3, 4, 5))).header
    assert (header["cal_min"], header["cal_max"]) == (0, 1)


def test_voxels_that_lie_in_order_are_not_copied() -> None:
    levels = np.asfortranarray(levels_of((3, 4, 5)))
    voxels = np.frombuffer(nifti_of(levels, AFFINE.ravel().tolist())[-1], np.uint16)
    assert np.shares_memory(voxels, levels)
