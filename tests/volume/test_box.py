"""Bounding boxes against the plain definition."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from support import bad_files as bad

from brains45k.volume.box import Box, box_of, moved

DTYPES = ["?", "u1", "i1", "<i2", ">i2", "<u2", "<f4", ">f4"]
SHAPES = st.tuples(*[st.integers(1, 7)] * 3)


def plain_box(voxels: NDArray[Any], above: Any, margin: int) -> Box:
    """Look at all indices of all voxels above the value."""
    hits = np.argwhere(voxels > above)
    if not hits.size:
        hits = np.array([np.zeros(3, int), np.array(voxels.shape) - 1])
    ends = np.minimum(hits.max(axis=0) + 1 + margin, voxels.shape)
    x, y, z = (slice(low, high) for low, high in zip(hits.min(axis=0).tolist(), ends.tolist(), strict=True))
    return x, y, z


@st.composite
def sparse(draw: st.DrawFn) -> NDArray[Any]:
    """Draw an array of few voxels other than zero, with its axes in any order of storage and flipped at will."""
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    data = np.zeros(draw(SHAPES), dtype)
    for _ in range(draw(st.integers(0, 4))):
        place = tuple(draw(st.integers(0, size - 1)) for size in data.shape)
        data[place] = draw(hnp.from_dtype(dtype, allow_nan=False, allow_infinity=False))
    flips = tuple(slice(None, None, draw(st.sampled_from([1, -1]))) for _ in range(3))
    return data.transpose(draw(st.permutations(range(3))))[flips]


@given(sparse(), st.integers(0, 3))
def test_it_is_the_plain_box_above_zero(voxels: NDArray[Any], margin: int) -> None:
    above = False if voxels.dtype == np.bool_ else 0
    assert box_of(voxels, above=above, high_margin_voxels=margin) == plain_box(voxels, above, margin)


@given(sparse(), st.integers(0, 1))
def test_it_is_the_plain_box_above_the_smallest(voxels: NDArray[Any], margin: int) -> None:
    smallest = voxels.min()
    assert box_of(voxels, above=smallest, high_margin_voxels=margin) == plain_box(voxels, smallest, margin)


@pytest.mark.parametrize("codes", bad.ORIENTATIONS)
def test_it_does_not_depend_on_the_order_of_storage(codes: str) -> None:
    voxels = np.zeros((9, 8, 7), np.int16)
    voxels[2:4, 3:8, 1:2] = 5
    turned, _ = bad.oriented(voxels, np.eye(4), codes)
    assert box_of(turned, above=0, high_margin_voxels=1) == plain_box(turned, 0, 1)


@pytest.mark.parametrize("value", [0, 3])
def test_without_anything_above_it_is_all(value: int) -> None:
    voxels = np.full((2, 3, 4), value)
    assert box_of(voxels, above=value) == (slice(0, 2), slice(0, 3), slice(0, 4))


def test_the_margin_stays_inside() -> None:
    voxels = np.zeros((5, 5, 5))
    voxels[4, 3, 1] = 1
    assert box_of(voxels, above=0, high_margin_voxels=2) == (slice(4, 5), slice(3, 5), slice(1, 4))


def test_the_voxels_are_left_alone() -> None:
    voxels = bad.head_voxels().astype(np.float32)
    box_of(voxels, above=10)
    assert np.array_equal(voxels, bad.head_voxels())


def test_moved_places_the_first_voxel_and_turns_nothing() -> None:
    affine = bad.rotated(bad.diagonal(3.5, 4, 5), 20)
    result = moved(affine, (2, 0, 7))
    assert np.allclose(result[:, 3], affine @ np.array([2, 0, 7, 1.0]))
    assert np.array_equal(result[:3, :3], affine[:3, :3])
    assert np.array_equal(affine, bad.rotated(bad.diagonal(3.5, 4, 5), 20))
