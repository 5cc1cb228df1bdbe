"""Thumbnails show what a volume was and what it became: in place, in proportion, the right way up."""

import io
import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from support.volumes import image_of

from brains45k.corpus.thumbnail import TILE, encode, planes_of
from brains45k.report.picture import three_planes
from brains45k.volume.preprocess import Preprocessing, preprocess_oriented
from brains45k.volume.reorient import reorient
from brains45k.volume.volume import Volume

AXIAL, CORONAL, SAGITTAL = range(3)
BEFORE, AFTER = range(2)
# What JPEG may change of a grey, away from edges.
TOLERANCE = 6
RNG = np.random.default_rng(45)

Tiles = npt.NDArray[np.uint8]


def volume_of(data: npt.NDArray[Any], spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> Volume:
    return Volume(np.asarray(data, np.float32), np.diag([*spacing_mm, 1.0]), spacing_mm)


def decoded(picture: bytes) -> Tiles:
    """Return the tiles of a picture: row, plane, pixels."""
    image = Image.open(io.BytesIO(picture))
    assert (image.format, image.mode, image.width, image.height % TILE) == ("JPEG", "L", 3 * TILE, 0)
    return np.asarray(image).reshape(-1, TILE, 3, TILE).swapaxes(1, 2)


def drawn(before: Volume, after: Volume | None = None) -> Tiles:
    return decoded(encode(planes_of(before), None if after is None else planes_of(after)))


def bright_size(tile: Tiles) -> tuple[int, int]:
    """Return the width and the height of what is bright."""
    bright = tile > 128
    return int(bright.any(axis=0).sum()), int(bright.any(axis=1).sum())


def ramp(shape: tuple[int, int, int]) -> npt.NDArray[np.float32]:
    """Return numbers from 0 to 1 that rise along each axis, by different steps."""
    x, y, z = np.indices(shape, np.float32)
    rising = x + 2 * y + 4 * z
    return np.asarray(rising / max(1.0, float(rising.max())), np.float32)


def test_a_kept_volume_has_two_rows_and_another_one() -> None:
    volume = volume_of(ramp((20, 30, 40)))
    assert drawn(volume).shape == (1, 3, TILE, TILE)
    assert drawn(volume, volume).shape == (2, 3, TILE, TILE)


def test_planes_are_turned_as_show_turns_them() -> None:
    # Cubes of 96 voxels: a voxel is a pixel.
    volume = volume_of(ramp((TILE, TILE, TILE)))
    sagittal, coronal, axial = (np.asarray(plane) for plane in three_planes(volume))
    shown = drawn(volume, volume)[AFTER]
    for tile, expected in zip(shown, (axial, coronal, sagittal), strict=True):
        np.testing.assert_allclose(tile.astype(int), expected.astype(int), atol=TOLERANCE)
    assert not np.array_equal(shown[AXIAL], shown[CORONAL])


@pytest.mark.parametrize(
    ("side", "seen"),
    [
        # The subject's right is right, anterior is up or right, superior is up.
        ((slice(64, None), slice(None), slice(None)), {AXIAL: "right", CORONAL: "right"}),
        ((slice(None), slice(64, None), slice(None)), {AXIAL: "top", SAGITTAL: "right"}),
        ((slice(None), slice(None), slice(64, None)), {CORONAL: "top", SAGITTAL: "top"}),
    ],
)
def test_each_side_of_the_head_is_where_it_belongs(side: tuple[slice, ...], seen: dict[int, str]) -> None:
    data = np.zeros((TILE, TILE, TILE), np.float32)
    data[side] = 1
    tiles = drawn(volume_of(data))[BEFORE]
    for plane, place in seen.items():
        bright = tiles[plane][:, 70:] if place == "right" else tiles[plane][:26]
        dark = tiles[plane][:, :58] if place == "right" else tiles[plane][38:]
        assert bright.min() > 255 - TOLERANCE
        assert dark.max() < TOLERANCE


@pytest.mark.parametrize("shape", [(60, 80, 40), (240, 320, 160), (1200, 1600, 800), (6, 8, 4)])
def test_one_scale_for_all_planes_whatever_the_size(shape: tuple[int, int, int]) -> None:
    tiles = drawn(volume_of(np.broadcast_to(np.float32(1), shape)), volume_of(np.broadcast_to(np.float32(1), shape)))
    x, y, z = (round(TILE * size / shape[1]) for size in shape)
    assert [bright_size(tile) for tile in tiles[AFTER]] == [(x, y), (x, z), (y, z)]


def test_voxels_have_their_true_proportions() -> None:
    thick = volume_of(np.ones((200, 240, 30)), (1.0, 1.0, 6.0))
    x, y, z = (round(TILE * extent_mm / 240) for extent_mm in (200, 240, 180))
    assert [bright_size(tile) for tile in drawn(thick, thick)[AFTER]] == [(x, y), (x, z), (y, z)]


def test_what_is_beside_a_plane_is_black_and_the_plane_is_in_the_middle() -> None:
    flat = volume_of(np.ones((96, 48, 96)))
    axial = drawn(flat, flat)[AFTER][AXIAL]
    assert axial[28:68].min() > 255 - TOLERANCE
    assert max(axial[:20].max(), axial[76:].max()) < TOLERANCE


def test_a_single_slice_is_seen() -> None:
    slice_ = volume_of(RNG.random((64, 64, 1)), (1.0, 1.0, 5.0))
    tiles = drawn(slice_)[BEFORE]
    assert tiles[AXIAL].std() > 20
    assert tiles[CORONAL][:40].max() < TOLERANCE
    assert tiles[CORONAL][46:50].max() > 40


def test_before_is_clipped_at_its_percentiles() -> None:
    data = np.linspace(-500, 1500, 96**3).reshape(96, 96, 96)
    data[40:44, 40:44, 48] = 1e6
    tiles = drawn(volume_of(data))[BEFORE]
    low, high = np.percentile(np.concatenate([data[48], data[:, 48], data[:, :, 48]]), [0.5, 99.5])
    expected = np.clip((data[48].T[::-1] - low) / (high - low), 0, 1) * 255
    np.testing.assert_allclose(tiles[SAGITTAL].astype(int), expected, atol=TOLERANCE)


def test_after_is_drawn_from_0_to_1() -> None:
    data = np.full((96, 96, 96), 0.25)
    data[:, :, 48:] = 0.75
    before, after = drawn(volume_of(data), volume_of(data))
    assert abs(int(before[CORONAL][10, 40]) - 255) <= TOLERANCE
    assert abs(int(after[CORONAL][10, 40]) - 191) <= TOLERANCE
    assert abs(int(after[CORONAL][80, 40]) - 64) <= TOLERANCE


@pytest.mark.parametrize("constant", [0.0, 7.0, -3.0, math.nan])
def test_an_image_without_contrast_is_black(constant: float) -> None:
    assert drawn(volume_of(np.full((20, 30, 40), constant))).max() < TOLERANCE


def test_few_bright_voxels_are_seen() -> None:
    data = np.zeros((96, 96, 96))
    data[47:50, 47:50, 47:50] = 5
    assert [bright_size(tile) for tile in drawn(volume_of(data))[BEFORE]] == [(3, 3)] * 3


def test_what_is_not_finite_spoils_nothing_else() -> None:
    data = ramp((96, 96, 96))
    whole = drawn(volume_of(data))[BEFORE]
    data[48, 20, 20], data[48, 70, 70] = math.nan, math.inf
    tiles = drawn(volume_of(data))[BEFORE]
    np.testing.assert_allclose(tiles[AXIAL].astype(int), whole[AXIAL].astype(int), atol=TOLERANCE)
    assert tiles[SAGITTAL][95 - 20, 20] < 40
    assert tiles[SAGITTAL][95 - 70, 70] > 215


@pytest.mark.parametrize("largest", [3e38, 1e-44])
def test_the_ends_of_float32_are_drawn(largest: float) -> None:
    data = np.full((96, 96, 96), -largest, np.float32)
    data[:, :, 48:] = largest
    tiles = drawn(volume_of(data))[BEFORE]
    assert tiles[CORONAL][:40].min() > 255 - TOLERANCE
    assert tiles[CORONAL][56:].max() < TOLERANCE


def test_planes_outlive_their_volume() -> None:
    volume = reorient(image_of(ramp((40, 50, 60)) * 1000))
    picture = encode(planes_of(volume))
    planes = planes_of(volume)
    assert not any(np.shares_memory(plane.values, volume.data) for plane in planes)
    preprocess_oriented(volume, Preprocessing())
    assert encode(planes) == picture


def test_planes_lie_in_the_middle_of_what_is_no_background() -> None:
    data = np.zeros((60, 60, 60), np.int16)
    data[5:25, 5:25, 5:25] = 100 + 10 * np.indices((20, 20, 20)).sum(axis=0)
    before = reorient(image_of(data))
    planes = planes_of(before)
    after = preprocess_oriented(before, Preprocessing())
    tiles = decoded(encode(planes, planes_of(after)))
    for row in tiles:
        assert [min(bright_size(tile)) > TILE // 2 for tile in row] == [True] * 3


@given(
    shape=st.tuples(*[st.integers(1, 130)] * 3),
    spacing_mm=st.tuples(*[st.floats(0.05, 20)] * 3),
    scale=st.sampled_from([1e-30, 1.0, 4000.0, 1e30]),
    offset=st.sampled_from([0.0, -1.0, 10.0]),
)
def test_any_volume_has_a_picture_and_always_the_same(
    shape: tuple[int, int, int], spacing_mm: tuple[float, float, float], scale: float, offset: float
) -> None:
    volume = volume_of((ramp(shape) + offset) * scale, spacing_mm)
    picture = encode(planes_of(volume), planes_of(volume))
    assert decoded(picture).shape == (2, 3, TILE, TILE)
    assert picture == encode(planes_of(volume), planes_of(volume))
