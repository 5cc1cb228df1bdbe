"""Turning to RAS: nibabel's turn, whatever the order of storage, with the margins known and left out."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from support import bad_files as bad
from support.volumes import Affine, filled, image_of, turned_whole

from brains45k.volume.image import Image
from brains45k.volume.preprocess import Preprocessing, preprocess
from brains45k.volume.read import read_image
from brains45k.volume.reorient import _copy_as_float32, axis_codes, reorient
from brains45k.volume.volume import Field

HEAD = bad.head_voxels().astype(np.float32)
SPACING_MM = (3.5, 4.0, 5.0)
AFFINE = bad.diagonal(*SPACING_MM)
BRIGHTEST = np.array(np.unravel_index(HEAD.argmax(), HEAD.shape))
DTYPES = ("u1", "i1", "<i2", ">i2", "<u2", "<f4", ">f4")


def stored(
    codes: str,
    affine: Affine = AFFINE,
    voxels: NDArray[Any] = HEAD,
    *,
    slope: float = 1.0,
    intercept: float = 0.0,
) -> Image:
    data, turned = bad.oriented(voxels, affine, codes)
    return image_of(data, turned, slope=slope, intercept=intercept)


def position_mm(affine: Affine, index: Any) -> Affine:
    return np.asarray(affine[:3, :3] @ np.asarray(index) + affine[:3, 3])


@pytest.mark.parametrize("codes", bad.ORIENTATIONS)
def test_reorienting_gives_the_same_voxels(codes: str) -> None:
    volume = reorient(stored(codes))
    assert np.array_equal(volume.data, HEAD)
    assert np.allclose(volume.affine, AFFINE, atol=1e-9)
    assert np.allclose(volume.spacing_mm, SPACING_MM)


@pytest.mark.parametrize("codes", bad.ORIENTATIONS)
def test_a_landmark_stays_where_it_is(codes: str) -> None:
    # With a margin, so that the trimmed part begins elsewhere than the field.
    affine, margin = bad.rotated(AFFINE, 12), np.array([3, 1, 2])
    volume = reorient(stored(codes, affine, np.pad(HEAD, [(size, 2) for size in margin])))
    found = np.unravel_index(volume.data.argmax(), volume.shape)
    assert np.allclose(position_mm(volume.affine, found), position_mm(affine, BRIGHTEST + margin), atol=1e-9)


@pytest.mark.parametrize("codes", ["RAS", "LPS", "PIR", "SAL"])
def test_axis_codes_name_the_axes(codes: str) -> None:
    assert axis_codes(stored(codes).affine) == codes


@pytest.mark.parametrize("codes", bad.ORIENTATIONS)
@pytest.mark.parametrize("dtype", ["<i2", ">i2", "<f4"])
def test_the_data_is_float32_and_contiguous_in_memory_of_its_own(codes: str, dtype: str) -> None:
    image = stored(codes, voxels=HEAD.astype(dtype))
    data = reorient(image).data
    assert data.dtype == np.dtype("=f4")
    assert data.flags.c_contiguous
    assert data.flags.writeable
    assert not np.shares_memory(data, image.intensities.stored)


@given(
    data=hnp.arrays(np.float32, st.tuples(*[st.integers(2, 5)] * 3), elements=st.floats(-9, 9, width=32)),
    codes=st.sampled_from(bad.ORIENTATIONS),
    tilt_deg=st.floats(-40, 40),
)
def test_reorienting_twice_changes_nothing_more(data: NDArray[np.float32], codes: str, tilt_deg: float) -> None:
    once = filled(reorient(stored(codes, bad.rotated(AFFINE, tilt_deg), data)))
    twice = filled(reorient(image_of(once.data, once.affine)))
    assert np.array_equal(once.data, data)
    assert np.array_equal(once.data, twice.data)
    assert np.allclose(once.affine, twice.affine)


@given(
    voxels=hnp.arrays(st.sampled_from(DTYPES), st.tuples(*[st.integers(1, 6)] * 3), elements={"min_value": 0}),
    margins=st.tuples(*[st.integers(0, 3)] * 6),
    codes=st.sampled_from(bad.ORIENTATIONS),
    slope=st.sampled_from([1.0, 0.5, -2.0]),
    intercept=st.sampled_from([0.0, -7.0, 300.0]),
)
def test_with_what_was_trimmed_it_is_nibabels_turn(
    voxels: NDArray[Any], margins: tuple[int, ...], codes: str, slope: float, intercept: float
) -> None:
    padded = np.pad(voxels, np.reshape(margins, (3, 2)).tolist())
    image = stored(codes, AFFINE, padded, slope=slope, intercept=intercept)
    volume, expected = filled(reorient(image)), turned_whole(image)
    assert np.array_equal(volume.data, expected.data)
    assert np.allclose(volume.affine, expected.affine, atol=1e-5)
    assert np.allclose(volume.spacing_mm, expected.spacing_mm)


@pytest.mark.parametrize("background", [0.0, -12.0, 80.0])
@pytest.mark.parametrize("codes", ["RAS", "LPI", "SAR"])
def test_margins_are_trimmed_but_for_one_plane_at_the_high_ends(background: float, codes: str) -> None:
    voxels = np.zeros((20, 18, 16), np.int16)
    voxels[4:9, 1:17, 6:16] = 5
    volume = reorient(stored(codes, voxels=voxels, intercept=background))
    assert volume.field == Field((20, 18, 16), background)
    assert volume.background == background
    assert volume.crop_start == (4, 1, 6)
    assert volume.shape == (6, 17, 10)
    assert np.allclose(position_mm(volume.affine, (0, 0, 0)), position_mm(AFFINE, (4, 1, 6)))


@pytest.mark.parametrize("slope", [-1.0, -0.5])
def test_the_background_of_a_falling_line_is_the_largest_stored(slope: float) -> None:
    voxels = np.pad(np.arange(1, 28, dtype=np.int16).reshape(3, 3, 3), 2)
    volume = reorient(stored("LAS", voxels=(30 - voxels).astype(np.int16), slope=slope))
    assert volume.crop_start == (2, 2, 2)
    assert volume.shape == (4, 4, 4)
    assert volume.background == 30 * slope


def test_nothing_is_trimmed_of_one_value() -> None:
    volume = reorient(stored("PIR", voxels=np.full((4, 5, 6), 3, np.uint8)))
    assert volume.shape == (4, 5, 6)
    assert volume.field == Field((4, 5, 6), 3.0)


def _views(shape: tuple[int, int, int], dtype: str) -> list[NDArray[Any]]:
    values = np.random.default_rng(5).integers(0, 127, shape).astype(dtype)
    flips = itertools.product([slice(None), slice(None, None, -1)], repeat=3)
    return [values.transpose(order)[flip] for flip in flips for order in itertools.permutations(range(3))]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(131, 5, 17), (128, 3, 129), (1, 140, 3), (130, 1, 2), (1, 1, 5), (1, 1, 1)])
def test_the_copy_is_numpys_for_all_orders_and_flips(shape: tuple[int, int, int], dtype: str) -> None:
    for view in _views(shape, dtype):
        for part in (view, view[:, view.shape[1] // 2 :, 1:], view[::2]):
            copy = _copy_as_float32(part) if part.size else np.empty(part.shape, np.float32)
            assert copy.dtype == np.dtype("=f4")
            assert copy.flags.c_contiguous
            assert np.array_equal(copy, np.ascontiguousarray(part).astype(np.float32))


@given(st.data())
def test_the_copy_is_numpys_for_all_sizes(data: st.DataObject) -> None:
    sizes = data.draw(st.tuples(st.integers(1, 260), st.integers(1, 24), st.integers(1, 6)))
    order, flips = data.draw(st.permutations(sizes)), data.draw(st.tuples(*[st.sampled_from([1, -1])] * 3))
    values = np.random.default_rng(sum(sizes)).integers(0, 127, order).astype(data.draw(st.sampled_from(DTYPES)))
    view = values.transpose(data.draw(st.permutations(range(3))))[tuple(slice(None, None, step) for step in flips)]
    assert np.array_equal(_copy_as_float32(view), np.ascontiguousarray(view).astype(np.float32))


@pytest.mark.shared
def test_48_stored_orientations_give_the_same_bytes(shared_volumes: Path) -> None:
    results = set()
    for path in sorted((shared_volumes / "orientations").glob("*.nii.gz")):
        volume = preprocess(path, Preprocessing(spacing_mm=4.0))
        results.add((volume.data.tobytes(), volume.affine.round(3).tobytes(), volume.crop_start))
    assert len(results) == 1


@pytest.mark.shared
def test_48_stored_orientations_are_48(shared_volumes: Path) -> None:
    names = [path.name.split(".")[0] for path in sorted((shared_volumes / "orientations").glob("*.nii.gz"))]
    assert set(names) == set(bad.ORIENTATIONS)
    assert all(
        axis_codes(read_image(shared_volumes / "orientations" / f"{name}.nii.gz").affine) == name for name in names
    )
