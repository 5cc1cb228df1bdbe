"""Moving voxels: an asymmetric head with a known affine, one fact per test."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from support import bad_files as bad

from brains45k.volume.geometry import axis_codes, crop, reorient, resample
from brains45k.volume.preprocess import Preprocessing, preprocess
from brains45k.volume.read import read_image
from brains45k.volume.volume import Volume

Array = NDArray[np.float64]
Indices = NDArray[np.intp]
HEAD = bad.head_voxels().astype(np.float32)
SPACING_MM = (3.5, 4.0, 5.0)
AFFINE = bad.diagonal(*SPACING_MM)
BRIGHTEST = np.array(np.unravel_index(HEAD.argmax(), HEAD.shape))


def stored(codes: str, affine: Array = AFFINE) -> Volume:
    data, matrix = bad.oriented(HEAD, affine, codes)
    sizes = np.linalg.norm(matrix[:3, :3], axis=0).tolist()
    return Volume(np.asarray(data), matrix, (sizes[0], sizes[1], sizes[2]))


def positions_mm(affine: Array, indices: Array | Indices) -> Array:
    return np.asarray(indices.astype(np.float64) @ affine[:3, :3].T + affine[:3, 3])


def blob(centre_mm: Array, shape: tuple[int, int, int], affine: Array) -> Volume:
    grid = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    distance = positions_mm(affine, grid) - centre_mm
    sizes = np.linalg.norm(affine[:3, :3], axis=0).tolist()
    return Volume(np.exp(-(distance**2).sum(axis=-1) / 200).astype(np.float32), affine, (sizes[0], sizes[1], sizes[2]))


def centroid_mm(volume: Volume) -> Array:
    indices = np.argwhere(volume.data > 0.01)
    weights = volume.data[tuple(indices.T)].astype(np.float64)
    return np.asarray(weights @ positions_mm(volume.affine, indices) / weights.sum())


@pytest.mark.parametrize("codes", bad.ORIENTATIONS)
def test_reorienting_gives_the_same_voxels(codes: str) -> None:
    volume = reorient(stored(codes))
    assert np.array_equal(volume.data, HEAD)
    assert np.allclose(volume.affine, AFFINE, atol=1e-9)
    assert np.allclose(volume.spacing_mm, SPACING_MM)


@pytest.mark.parametrize("codes", bad.ORIENTATIONS)
def test_a_landmark_stays_where_it_is(codes: str) -> None:
    volume = reorient(stored(codes, bad.rotated(AFFINE, 12)))
    found = np.array(np.unravel_index(volume.data.argmax(), volume.shape))
    expected = positions_mm(bad.rotated(AFFINE, 12), BRIGHTEST)
    assert np.allclose(positions_mm(volume.affine, found), expected, atol=1e-9)


@pytest.mark.parametrize("codes", ["RAS", "LPS", "PIR", "SAL"])
def test_axis_codes_name_the_axes(codes: str) -> None:
    assert axis_codes(stored(codes).affine) == codes


def test_reorienting_gives_contiguous_data() -> None:
    assert reorient(stored("SLP")).data.flags.c_contiguous


@given(
    data=hnp.arrays(np.float32, st.tuples(*[st.integers(2, 5)] * 3), elements=st.floats(-9, 9, width=32)),
    codes=st.sampled_from(bad.ORIENTATIONS),
    tilt_deg=st.floats(-40, 40),
)
def test_reorienting_twice_changes_nothing_more(data: NDArray[np.float32], codes: str, tilt_deg: float) -> None:
    turned, affine = bad.oriented(data, bad.rotated(AFFINE, tilt_deg), codes)
    once = reorient(Volume(np.asarray(turned), affine, SPACING_MM))
    twice = reorient(once)
    assert np.array_equal(once.data, data)
    assert np.array_equal(once.data, twice.data)
    assert np.allclose(once.affine, twice.affine)


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


@pytest.mark.parametrize("spacing_mm", [1.7, 3.0, 4.0, 6.3])
@pytest.mark.parametrize("tilt_deg", [0.0, 25.0])
def test_a_landmark_survives_resampling(spacing_mm: float, tilt_deg: float) -> None:
    affine, centre = bad.rotated(AFFINE, tilt_deg), np.array([7.3, -5.1, 4.4])
    volume = resample(blob(centre, bad.SHAPE, affine), spacing_mm=spacing_mm)
    assert np.abs(centroid_mm(volume) - centre).max() <= 0.1 * spacing_mm


@pytest.mark.parametrize("spacing_mm", [1.0, 2.9, 4.0, 7.0])
def test_the_size_is_rounded_and_the_edges_stay(spacing_mm: float) -> None:
    volume = resample(Volume(HEAD, AFFINE, SPACING_MM), spacing_mm=spacing_mm)
    assert volume.shape == tuple(np.round(np.array(HEAD.shape) * SPACING_MM / spacing_mm).astype(int))
    for corner in (np.zeros(3), np.ones(3)):
        before = positions_mm(AFFINE, corner * HEAD.shape - 0.5)
        after = positions_mm(volume.affine, corner * volume.shape - 0.5)
        assert np.allclose(before, after)
    assert np.allclose(np.linalg.norm(volume.affine[:3, :3], axis=0), volume.spacing_mm)


@pytest.mark.parametrize("spacing_mm", [1.0, 3.0, 6.0])
def test_resampling_keeps_the_range(spacing_mm: float) -> None:
    checker = (np.indices(bad.SHAPE).sum(axis=0) % 2 * 100).astype(np.float32) + 5
    volume = resample(Volume(checker, AFFINE, SPACING_MM), spacing_mm=spacing_mm)
    assert volume.data.min() >= 5
    assert volume.data.max() <= 105


def test_resampling_to_the_own_spacing_changes_nothing() -> None:
    volume = resample(Volume(HEAD, bad.diagonal(), (4.0, 4.0, 4.0)), spacing_mm=4)
    assert np.array_equal(volume.data, HEAD)
    assert np.array_equal(volume.affine, bad.diagonal())


def test_resampling_leaves_its_input_alone() -> None:
    data = HEAD.copy()
    resample(Volume(data, AFFINE, SPACING_MM), spacing_mm=3)
    assert np.array_equal(data, HEAD)


@pytest.mark.parametrize("spacing_mm", [1.5, 3.0, 8.0])
def test_the_foreground_is_carried_by_its_nearest_voxel(spacing_mm: float) -> None:
    mask = HEAD > 300
    volume = resample(Volume(HEAD, AFFINE, SPACING_MM, foreground=mask), spacing_mm=spacing_mm)
    assert volume.foreground is not None
    indices = np.stack(np.meshgrid(*map(np.arange, volume.shape), indexing="ij"), axis=-1).reshape(-1, 3)
    old = positions_mm(np.linalg.inv(AFFINE).astype(np.float64), positions_mm(volume.affine, indices))
    # Where a new centre lies on the edge between two old voxels either may be taken.
    inner = np.abs(np.abs(old % 1) - 0.5).min(axis=1) > 1e-6
    nearest = np.clip(np.rint(old[inner]).astype(int), 0, np.array(HEAD.shape) - 1)
    assert np.array_equal(volume.foreground.reshape(-1)[inner], mask[tuple(nearest.T)])


def boxed(margin: int = 0, *, box: str = "foreground") -> tuple[Volume, Volume]:
    data = np.zeros((10, 12, 14), np.float32)
    data[2:5, 3:9, 13:14] = 7
    before = Volume(data, AFFINE, SPACING_MM, foreground=data > 0)
    return before, crop(before, box=box, high_margin_voxels=margin)


def test_cropping_takes_the_box_of_the_foreground() -> None:
    _, after = boxed()
    assert after.shape == (3, 6, 1)
    assert after.crop_start == (2, 3, 13)
    assert (after.data == 7).all()
    assert after.foreground is not None
    assert after.foreground.all()


def test_the_margin_lies_at_the_high_end_and_inside() -> None:
    _, after = boxed(1, box="positive")
    assert after.shape == (4, 7, 1)
    assert after.crop_start == (2, 3, 13)


def test_cropping_moves_the_affine() -> None:
    before, after = boxed()
    expected = positions_mm(before.affine, np.array(after.crop_start))
    assert np.allclose(positions_mm(after.affine, np.zeros(3)), expected)
    assert np.array_equal(after.affine[:3, :3], before.affine[:3, :3])


def test_nothing_to_crop_to_leaves_the_volume() -> None:
    empty = Volume(np.zeros((3, 3, 3), np.float32), AFFINE, SPACING_MM)
    assert crop(empty, box="positive", high_margin_voxels=1) is empty
    assert crop(empty, box="foreground", high_margin_voxels=0) is empty


@given(hnp.arrays(np.bool_, st.tuples(*[st.integers(1, 6)] * 3)))
def test_cropping_loses_no_foreground(mask: NDArray[np.bool_]) -> None:
    before = Volume(mask.astype(np.float32), AFFINE, SPACING_MM, foreground=mask)
    after = crop(before, box="foreground", high_margin_voxels=0)
    assert np.count_nonzero(after.data) == np.count_nonzero(mask)
    assert crop(after, box="foreground", high_margin_voxels=0).shape == after.shape
