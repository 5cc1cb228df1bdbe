"""The resampling matrices against scikit-image, which defines them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage
from skimage.transform import resize

from brains45k.volume.resampling import axis_matrix, nearest_indices, resample_axes

SHAPE = (17, 24, 21)
NEW_SHAPES = [
    (34, 24, 21), (17, 55, 21), (17, 24, 40), (7, 24, 21), (17, 13, 21), (17, 24, 5),
    (30, 41, 29), (9, 11, 8), (40, 12, 21), (18, 23, 64), (1, 24, 21), (17, 24, 22),
]  # fmt: skip


def volume(kind: str) -> NDArray[np.float32]:
    noise = np.random.default_rng(3).normal(size=SHAPE)
    return (ndimage.gaussian_filter(noise, 3) * 30 if kind == "smooth" else noise).astype(np.float32)


@pytest.mark.parametrize("kind", ["random", "smooth"])
@pytest.mark.parametrize("shape", NEW_SHAPES, ids=str)
def test_it_equals_skimage(kind: str, shape: tuple[int, int, int]) -> None:
    data = volume(kind)
    expected = resize(data.astype(np.float64), shape, order=3, anti_aliasing=True, clip=True, preserve_range=True)
    found = np.clip(resample_axes(data, shape), data.min(), data.max())
    assert found.dtype == np.float32
    assert np.abs(found - expected).max() <= 1e-5 * max(1.0, float(np.ptp(data)))


def test_the_same_shape_is_the_same_array() -> None:
    data = volume("random")
    assert resample_axes(data, SHAPE) is data


def test_the_result_is_contiguous() -> None:
    assert resample_axes(np.asfortranarray(volume("random")), (20, 24, 30)).flags.c_contiguous


@given(st.integers(2, 80), st.integers(1, 120))
def test_a_constant_stays_constant(size: int, new_size: int) -> None:
    assert np.allclose(axis_matrix(size, new_size).sum(axis=1), 1, atol=1e-6)


@given(st.integers(2, 60), st.integers(1, 90))
def test_the_operator_is_mirror_symmetric(size: int, new_size: int) -> None:
    matrix = axis_matrix(size, new_size)
    assert np.allclose(matrix, matrix[::-1, ::-1], atol=1e-7)


def test_a_shared_matrix_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        axis_matrix(10, 15)[0, 0] = 3


@given(st.integers(1, 90), st.integers(1, 90))
def test_nearest_indices_stay_inside_and_in_order(size: int, new_size: int) -> None:
    indices = nearest_indices(size, new_size)
    assert len(indices) == new_size
    assert 0 <= indices.min() <= indices.max() < size
    assert (np.diff(indices) >= 0).all()


@given(st.integers(1, 90))
def test_nearest_indices_of_the_same_size_are_the_same(size: int) -> None:
    assert nearest_indices(size, size).tolist() == list(range(size))
