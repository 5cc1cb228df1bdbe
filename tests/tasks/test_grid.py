"""The way back onto an image's own grid: exact in shape, order and affine, whatever the orientation."""

import gzip
import json
from pathlib import Path

import nibabel
import numpy as np
import pytest
from scipy import ndimage
from support import bad_files as bad

from brains45k.tasks.grid import Grid, restore_classes
from brains45k.tasks.label import read_label, resample_label
from brains45k.tasks.prepare import Prepared, prepare_images
from brains45k.tasks.resampling import label_weights, linear_weights, winning_class
from brains45k.tasks.task import Task
from brains45k.volume.preprocess import PRESETS, Preprocessing, preprocess
from brains45k.volume.read import read_image

HEAD = bad.head_voxels()
TASK = Task("t", {"classes": [{"name": "low", "values": [1]}, {"name": "spot", "values": [2]}]})
# Where the ball is bright and where it is dim: two classes, each in one corner's direction, so that flips show.
LABEL = np.where(HEAD > 650, 2, np.where((HEAD > 0) & (np.arange(24)[:, None, None] < 9), 1, 0)).astype(np.uint8)


def write(folder: Path, codes: str, affine: np.ndarray) -> tuple[Path, Path]:
    """Write a head and its label, stored along ``codes``."""
    paths = folder / f"{codes}_image.nii.gz", folder / f"{codes}_label.nii.gz"
    stored: tuple[np.ndarray, ...] = (HEAD, LABEL)
    for path, voxels in zip(paths, stored, strict=True):
        data, stored_affine = bad.oriented(voxels, affine, codes)
        image = nibabel.Nifti1Image(data, stored_affine)
        image.header.set_xyzt_units("mm")
        path.write_bytes(gzip.compress(image.to_bytes(), 1))
    return paths


def scores_of(label: np.ndarray, count: int = 3) -> np.ndarray:
    return np.stack([label == number for number in range(count)]).astype(np.float32)


def dice(first: np.ndarray, second: np.ndarray) -> float:
    return float(2 * np.count_nonzero(first & second) / (np.count_nonzero(first) + np.count_nonzero(second)))


def prepared(path: Path, **parameters: float | str) -> Prepared:
    return prepare_images([read_image(path)], Preprocessing(**parameters))  # type: ignore[arg-type]


@pytest.mark.parametrize("angle_deg", [0, 17])
@pytest.mark.parametrize("codes", bad.ORIENTATIONS)
def test_a_prediction_lies_on_the_original_grid(tmp_path: Path, codes: str, angle_deg: float) -> None:
    image_path, label_path = write(tmp_path, codes, bad.rotated(bad.diagonal(), angle_deg))
    grid = prepared(image_path, spacing_mm=4.0).grid
    label = read_label(label_path, TASK)
    back = restore_classes(scores_of(resample_label(label.classes, grid)), grid)
    out = tmp_path / "prediction.nii.gz"
    nibabel.save(nibabel.Nifti1Image(back, grid.affine), out)
    written, original = nibabel.load(out), nibabel.load(image_path)
    assert written.shape == original.shape
    assert np.array_equal(written.affine, original.affine)
    # At the image's own spacing nothing is lost: every voxel comes back.
    assert np.array_equal(np.asarray(written.dataobj), label.classes)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("codes", ["RAS", "LPS", "SRP", "PIR"])
@pytest.mark.parametrize("spacing_mm", [1.5, 2.7])
def test_a_label_comes_back_from_a_finer_grid(tmp_path: Path, codes: str, preset: str, spacing_mm: float) -> None:
    image_path, label_path = write(tmp_path, codes, bad.rotated(bad.diagonal(3.9, 4, 4.4), 9))
    found = prepared(image_path, spacing_mm=spacing_mm, preset=preset)
    label = read_label(label_path, TASK)
    on_network = resample_label(label.classes, found.grid)
    assert on_network.shape == found.image.shape[1:] == found.grid.crop_shape
    back = restore_classes(scores_of(on_network), found.grid)
    assert back.shape == label.classes.shape
    assert dice(back > 0, label.classes > 0) > 0.97
    assert dice(back == 2, label.classes == 2) > 0.95


@pytest.mark.parametrize("preset", PRESETS)
def test_the_network_affine_is_that_of_the_preprocessing(tmp_path: Path, preset: str) -> None:
    path, _ = write(tmp_path, "PIR", bad.rotated(bad.diagonal(3.9, 4, 4.4), 12))
    parameters = Preprocessing(preset=preset, spacing_mm=2.7)
    volume = preprocess(path, parameters)
    assert np.allclose(prepare_images([read_image(path)], parameters).grid.network_affine, volume.affine, atol=1e-9)


def test_a_grid_goes_into_json_and_comes_back(tmp_path: Path) -> None:
    path, _ = write(tmp_path, "LIP", bad.rotated(bad.diagonal(3.9, 4, 4.4), 12))
    grid = prepared(path, spacing_mm=2.7).grid
    again = Grid.from_json(json.loads(json.dumps(grid.to_json())))
    assert again.to_json() == grid.to_json()
    assert np.array_equal(again.affine, grid.affine)
    assert again.crop_shape == grid.crop_shape
    scores = np.random.default_rng(0).random((3, *grid.crop_shape), np.float32)
    assert np.array_equal(restore_classes(scores, again), restore_classes(scores, grid))


def whole(size: tuple[int, int, int], new_size: tuple[int, int, int], affine: np.ndarray) -> Grid:
    spacing = np.linalg.norm(affine[:3, :3], axis=0).tolist()
    return Grid(size, affine, tuple(spacing), (0, 0, 0), size, new_size, (0, 0, 0), new_size)


def test_scores_are_resampled_as_scipy_does() -> None:
    grid = whole((9, 12, 10), (18, 30, 7), np.eye(4))
    scores = np.random.default_rng(1).random((4, *grid.crop_shape), np.float32)
    zoom = [old / new for old, new in zip(grid.shape, grid.crop_shape, strict=True)]
    expected = np.stack([ndimage.zoom(one, zoom, order=1, mode="nearest", grid_mode=True) for one in scores])
    assert np.array_equal(restore_classes(scores, grid), expected.argmax(axis=0))


def test_of_equal_scores_the_lower_class_wins() -> None:
    grid = whole((4, 4, 4), (4, 4, 4), np.eye(4))
    scores = np.zeros((3, 4, 4, 4), np.float32)
    assert not restore_classes(scores, grid).any()
    scores[1:] = 1
    assert (restore_classes(scores, grid) == 1).all()


def test_logits_win_as_probabilities_do() -> None:
    grid = whole((6, 6, 6), (6, 6, 6), np.eye(4))
    logits = np.random.default_rng(2).normal(size=(3, 6, 6, 6)).astype(np.float32) - 50
    assert np.array_equal(restore_classes(logits, grid), logits.argmax(axis=0))


def test_what_the_network_did_not_see_is_background() -> None:
    grid = Grid((8, 8, 8), np.eye(4), (1, 1, 1), (1, 0, 0), (6, 8, 8), (12, 16, 16), (2, 4, 0), (6, 8, 16))
    scores = np.zeros((2, 6, 8, 16), np.float32)
    scores[1] = 1
    expected = np.zeros((8, 8, 8), np.uint8)
    # The network's voxels 2 to 8 of 12 are 1 to 4 of the field, which begins at 1.
    expected[2:5, 2:6] = 1
    assert np.array_equal(restore_classes(scores, grid), expected)


def test_scores_of_another_grid_are_refused() -> None:
    with pytest.raises(ValueError, match="do not lie on a grid"):
        restore_classes(np.zeros((2, 3, 3, 3), np.float32), whole((4, 4, 4), (4, 4, 4), np.eye(4)))


def test_slabs_leave_no_seam() -> None:
    size, new_size = 50, 41
    weights = [linear_weights(size, new_size, rows=slice(0, new_size), columns=slice(0, size)) for _ in range(3)]
    scores = np.random.default_rng(3).random((3, size, size, size), np.float32)
    dense = weights[0].toarray()
    expected = np.einsum("ia,jb,kc,nabc->nijk", dense, dense, dense, scores, optimize=True).argmax(axis=0)
    found = winning_class(lambda number, band: scores[number, band], 3, weights)
    assert np.mean(found != expected) < 1e-4


@pytest.mark.parametrize(("size", "new_size"), [(10, 7), (7, 10), (100, 9), (3, 3)])
def test_weights_of_a_label_sum_to_one_and_pass_no_voxel_over(size: int, new_size: int) -> None:
    weights = label_weights(size, new_size, rows=slice(0, new_size)).toarray()
    assert weights.shape == (new_size, size)
    assert np.allclose(weights.sum(axis=1), 1)
    assert (weights.sum(axis=0) > 0).all()
