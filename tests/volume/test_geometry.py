"""Moving voxels: an asymmetric head with a known affine, one fact per test."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from support import bad_files as bad
from support.volumes import filled, image_of, spacing_of

from brains45k.codes import Code
from brains45k.volume.geometry import crop, crop_positive, resample
from brains45k.volume.refusal import RefusalError
from brains45k.volume.reorient import reorient
from brains45k.volume.volume import Field, Volume

Array = NDArray[np.float64]
Indices = NDArray[np.intp]
HEAD = bad.head_voxels().astype(np.float32)
SPACING_MM = (3.5, 4.0, 5.0)
AFFINE = bad.diagonal(*SPACING_MM)


def positions_mm(affine: Array, indices: Array | Indices) -> Array:
    return np.asarray(indices.astype(np.float64) @ affine[:3, :3].T + affine[:3, 3])


def blob(centre_mm: Array, shape: tuple[int, int, int], affine: Array) -> Volume:
    grid = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    distance = positions_mm(affine, grid) - centre_mm
    return Volume(np.exp(-(distance**2).sum(axis=-1) / 200).astype(np.float32), affine, spacing_of(affine))


def centroid_mm(volume: Volume) -> Array:
    indices = np.argwhere(volume.data > 0.01)
    weights = volume.data[tuple(indices.T)].astype(np.float64)
    return np.asarray(weights @ positions_mm(volume.affine, indices) / weights.sum())


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


@given(
    data=hnp.arrays(np.float32, st.tuples(*[st.integers(1, 6)] * 3), elements=st.integers(1, 9), unique=False),
    margins=st.tuples(*[st.integers(0, 5)] * 6),
    background=st.sampled_from([0, -40, 30]),
    spacing_mm=st.tuples(*[st.floats(0.4, 3)] * 3),
)
def test_of_a_trimmed_field_the_part_is_what_the_whole_gives(
    data: NDArray[np.float32], margins: tuple[int, ...], background: int, spacing_mm: tuple[float, float, float]
) -> None:
    padded = np.pad(data, np.reshape(margins, (3, 2)).tolist()) + np.float32(background)
    part = reorient(image_of(padded, bad.diagonal(*spacing_mm)))
    whole = filled(part)
    part, whole = (replace(volume, foreground=volume.data > padded.min()) for volume in (part, whole))
    expected = resample(whole, spacing_mm=1)
    assert expected.foreground is not None
    try:
        found = resample(part, spacing_mm=1)
    except RefusalError:
        assert not expected.foreground.any()
        return
    box = tuple(slice(start, start + size) for start, size in zip(found.crop_start, found.shape, strict=True))
    assert found.field == Field(expected.shape, float(padded.min()))
    assert np.abs(found.data - expected.data[box]).max() <= 1e-5 * max(np.ptp(padded), 1)
    assert np.allclose(found.affine[:3, 3], positions_mm(expected.affine, np.array(found.crop_start)), atol=1e-6)
    assert found.spacing_mm == expected.spacing_mm
    assert found.foreground is not None
    assert np.array_equal(found.foreground, expected.foreground[box])
    assert np.count_nonzero(found.foreground) == np.count_nonzero(expected.foreground)


def test_a_part_too_thin_for_any_new_voxel_is_refused() -> None:
    voxels = np.zeros((300, 30, 30), np.int16)
    voxels[156, 5:25, 5:25] = 9
    # One plane of 1 mm and the margin beside it, between the centres of voxels of 10 mm at 155 and 165 mm.
    with pytest.raises(RefusalError) as caught:
        resample(reorient(image_of(voxels)), spacing_mm=10)
    assert caught.value.code is Code.E_CONST


def boxed() -> tuple[Volume, Volume]:
    before = Volume(block(), AFFINE, SPACING_MM, foreground=block() > 0)
    return before, crop(before)


def block() -> NDArray[np.float32]:
    data = np.zeros((10, 12, 14), np.float32)
    data[2:5, 3:9, 13:14] = 7
    return data


def test_cropping_takes_the_box_of_the_foreground() -> None:
    _, after = boxed()
    assert after.shape == (3, 6, 1)
    assert after.crop_start == (2, 3, 13)
    assert (after.data == 7).all()
    assert after.data.flags.c_contiguous
    assert after.foreground is not None
    assert after.foreground.all()


def test_cropping_moves_the_affine() -> None:
    before, after = boxed()
    expected = positions_mm(before.affine, np.array(after.crop_start))
    assert np.allclose(positions_mm(after.affine, np.zeros(3)), expected)
    assert np.array_equal(after.affine[:3, :3], before.affine[:3, :3])


def test_cropping_a_part_counts_from_the_field() -> None:
    part = reorient(image_of(block(), AFFINE))
    after = crop(replace(part, foreground=part.data > 0))
    assert after.shape == (3, 6, 1)
    assert after.crop_start == (2, 3, 13)
    assert np.allclose(after.affine, boxed()[1].affine)


def test_nothing_to_crop_to_leaves_the_volume() -> None:
    empty = Volume(np.zeros((3, 3, 3), np.float32), AFFINE, SPACING_MM)
    assert crop(empty) is empty
    blank = replace(empty, foreground=np.zeros((3, 3, 3), np.bool_))
    assert crop(blank) is blank
    assert crop_positive(empty).data is empty.data


@given(hnp.arrays(np.bool_, st.tuples(*[st.integers(1, 6)] * 3)))
def test_cropping_loses_no_foreground(mask: NDArray[np.bool_]) -> None:
    before = Volume(mask.astype(np.float32), AFFINE, SPACING_MM, foreground=mask)
    after = crop(before)
    assert np.count_nonzero(after.data) == np.count_nonzero(mask)
    assert crop(after).shape == after.shape


@pytest.mark.parametrize("trimmed", [False, True])
def test_yuccas_margin_lies_at_the_high_end_and_inside(trimmed: bool) -> None:
    before = reorient(image_of(block(), AFFINE)) if trimmed else Volume(block(), AFFINE, SPACING_MM)
    after = crop_positive(before)
    assert after.shape == (4, 7, 1)
    assert after.crop_start == (2, 3, 13)
    assert after.field is None


@given(
    data=hnp.arrays(np.float32, st.tuples(*[st.integers(1, 5)] * 3), elements=st.integers(-4, 4)),
    margins=st.tuples(*[st.integers(0, 4)] * 6),
    lowest=st.sampled_from([-9, 0, 9]),
)
def test_yuccas_box_is_the_plain_one(data: NDArray[np.float32], margins: tuple[int, ...], lowest: int) -> None:
    """With a background below, at and above zero, and with nothing above zero."""
    inside = np.maximum(data, lowest) if lowest <= 0 else data + np.float32(lowest + 4)
    padded = np.pad(inside, np.reshape(margins, (3, 2)).tolist(), constant_values=lowest)
    hits = np.argwhere(padded > 0)
    start = hits.min(axis=0) if hits.size else np.zeros(3, int)
    stop = hits.max(axis=0) + 2 if hits.size else np.array(padded.shape)
    expected = padded[tuple(slice(low, high) for low, high in zip(start, stop, strict=True))]
    trimmed = reorient(image_of(padded, AFFINE))
    for volume in (trimmed, filled(trimmed)):
        after = crop_positive(volume)
        assert np.array_equal(after.data, expected)
        assert after.data.flags.c_contiguous
        assert after.crop_start == tuple(start.tolist())
        assert after.field is None
        assert after.background == expected.min()
        assert np.allclose(after.affine[:3, 3], positions_mm(AFFINE, start), atol=1e-6)


def test_cropping_leaves_its_input_alone() -> None:
    data = np.pad(HEAD, 2) - 5
    volume = reorient(image_of(data))
    before = volume.data.copy()
    for step in (crop, crop_positive):
        step(replace(volume, foreground=volume.data > 20))
        assert np.array_equal(volume.data, before)
