"""Labels: read as images are, judged, and resampled without inventing classes."""

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from support import bad_files as bad
from support.small_corpus import RAS, write_nifti
from support.volumes import image_of
from tasks.trees import lesion, tiny_task

from brains45k.tasks.grid import Grid, restore_classes
from brains45k.tasks.label import Label, read_label, require_same_grid, resample_label
from brains45k.tasks.task import IGNORED, Task
from brains45k.volume.refusal import RefusalError

TASK = tiny_task()


def written(folder: Path, voxels: np.ndarray, **header: Any) -> Path:
    path = folder / "label.nii"
    path.write_bytes(bad.nifti(voxels, affine=RAS, **header))
    return path


def refused(path: Path) -> RefusalError:
    with pytest.raises(RefusalError) as caught:
        read_label(path, TASK)
    return caught.value


def test_values_become_classes(tmp_path: Path) -> None:
    voxels = lesion(1)
    voxels[0, 0, 0] = 5
    label = read_label(write_nifti(tmp_path / "label.nii.gz", voxels), TASK)
    expected = np.select([voxels == 1, (voxels == 4) | (voxels == 5), voxels == 9], [1, 2, IGNORED])
    assert label.classes.dtype == np.uint8
    assert np.array_equal(label.classes, expected)
    assert np.array_equal(label.affine, RAS)
    assert label.spacing_mm == (4.0, 4.0, 4.0)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "uint16", "int32", "int64", "float32", "float64"])
def test_the_type_of_the_voxels_does_not_matter(tmp_path: Path, dtype: str) -> None:
    expected = read_label(written(tmp_path, lesion(1)), TASK).classes
    assert np.array_equal(read_label(written(tmp_path, lesion(1).astype(dtype)), TASK).classes, expected)


def test_scaling_is_applied(tmp_path: Path) -> None:
    stored = (lesion(1).astype(np.int16) - 2) * 2
    label = read_label(written(tmp_path, stored, scl_slope=0.5, scl_inter=2), TASK)
    assert np.array_equal(label.classes, read_label(written(tmp_path, lesion(1)), TASK).classes)


def test_an_empty_mask_is_a_label(tmp_path: Path) -> None:
    assert not read_label(written(tmp_path, np.zeros((24, 24, 24), np.uint8)), TASK).classes.any()


def test_rounding_of_floats_is_undone(tmp_path: Path) -> None:
    noisy = lesion(1).astype(np.float32) + np.float32(5e-4)
    assert np.array_equal(
        read_label(written(tmp_path, noisy), TASK).classes, read_label(written(tmp_path, lesion(1)), TASK).classes
    )


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        (2, "2; the task knows 0, 1, 4, 5, 9"),
        (0.5, "0.5; none is a label's"),
        (1.01, "1.01; none"),
        (-1, "-1; none"),
        (70000, "70000; none"),
        (np.nan, "nan; none"),
        (np.inf, "inf; none"),
    ],
)
def test_values_that_the_task_does_not_know_are_refused(tmp_path: Path, value: float, detail: str) -> None:
    voxels = lesion(1).astype(np.float32)
    voxels[3, 3, 3] = value
    refusal = refused(written(tmp_path, voxels))
    assert refusal.code == "E_LABEL_VALUES"
    assert detail in refusal.detail
    assert refusal.sha256


def test_many_strange_values_are_shortened(tmp_path: Path) -> None:
    refusal = refused(written(tmp_path, np.arange(24**3, dtype=np.int16).reshape(24, 24, 24) % 30))
    assert refusal.detail.startswith("2, 3, 6, 7, 8 and 20 more values; the task knows")


def test_a_label_of_several_frames_is_refused(tmp_path: Path) -> None:
    assert refused(written(tmp_path, np.stack([lesion(1)] * 2, axis=-1))).code == "E_4D"


def test_a_damaged_label_is_refused_as_an_image_is(tmp_path: Path) -> None:
    path = write_nifti(tmp_path / "label.nii.gz", lesion(1))
    path.write_bytes(path.read_bytes()[:-20])
    assert refused(path).code == "E_GZ_TRUNC"


@pytest.mark.parametrize(
    ("shift_voxels", "turn_deg", "shape", "same"),
    [
        (0.0, 0.0, (24, 24, 24), True),
        (0.05, 0.0, (24, 24, 24), True),
        (0.0, 0.1, (24, 24, 24), True),
        (0.2, 0.0, (24, 24, 24), False),
        (0.0, 1.0, (24, 24, 24), False),
        (0.0, 0.0, (24, 24, 23), False),
    ],
)
def test_the_grid_of_a_label_is_the_images(
    shift_voxels: float, turn_deg: float, shape: tuple[int, ...], same: bool
) -> None:
    affine = bad.rotated(RAS, turn_deg)
    affine[:3, 3] += shift_voxels * 4
    label = Label(np.zeros(shape, np.uint8), affine, (4.0, 4.0, 4.0), "")
    image = image_of(np.zeros((24, 24, 24), np.int16), RAS)
    if same:
        require_same_grid(label, image)
        return
    with pytest.raises(RefusalError) as caught:
        require_same_grid(label, image)
    assert caught.value.code == "E_LABEL_GRID"
    assert caught.value.detail


def grid_of(label: Label, spacing_mm: float) -> Grid:
    """Return the grid of a whole image at another spacing."""
    orientation = nibabel.orientations.io_orientation(label.affine)
    order = np.argsort(orientation[:, 0])
    size = tuple(label.classes.shape[axis] for axis in order)
    new_size = tuple(round(size[axis] * label.spacing_mm[order[axis]] / spacing_mm) for axis in range(3))
    return Grid(label.classes.shape, label.affine, label.spacing_mm, (0, 0, 0), size, new_size, (0, 0, 0), new_size)


def there_and_back(label: Label, spacing_mm: float, count: int) -> np.ndarray:
    grid = grid_of(label, spacing_mm)
    on_network = resample_label(label.classes, grid)
    scores = np.stack([on_network == number for number in range(count)]).astype(np.float32)
    return restore_classes(scores, grid)


@pytest.mark.parametrize("spacing_mm", [1.3, 3.1, 4.0, 6.0, 13.0])
def test_no_class_is_invented(spacing_mm: float) -> None:
    # A class of 2 between none and IGNORED, which a mean of values would invent.
    classes = np.zeros((24, 24, 24), np.uint8)
    classes[4:12, 4:20, 4:20], classes[12:20, 4:20, 4:20] = 1, IGNORED
    label = Label(classes, RAS, (4.0, 4.0, 4.0), "")
    assert set(np.unique(resample_label(classes, grid_of(label, spacing_mm))).tolist()) == {0, 1, IGNORED}


def test_a_lesion_of_one_voxel_survives_a_finer_grid() -> None:
    classes = np.zeros((24, 24, 24), np.uint8)
    classes[11, 12, 13] = 1
    label = Label(classes, RAS, (4.0, 4.0, 4.0), "")
    assert resample_label(classes, grid_of(label, 4.0)).sum() == 1
    assert resample_label(classes, grid_of(label, 2.0)).sum() == 8
    assert np.array_equal(there_and_back(label, 2.0, 2), classes)


def test_a_thin_sheet_is_not_passed_over() -> None:
    # Every fourth voxel of an axis that shrinks to a fifth.
    classes = np.zeros((40, 4, 4), np.uint8)
    classes[:, :, :] = (np.arange(40) % 5 < 3)[:, None, None]
    grid = Grid((40, 4, 4), np.eye(4), (1, 1, 1), (0, 0, 0), (40, 4, 4), (8, 4, 4), (0, 0, 0), (8, 4, 4))
    assert (resample_label(classes, grid) == 1).all()


@pytest.mark.shared
@pytest.mark.parametrize("name", ["ms07x_lesion", "ms20_gt_commonspace", "ms20_brainmask_commonspace"])
def test_real_labels_survive_the_way_to_1_mm_and_back(shared_volumes: Path, name: str) -> None:
    task = Task("t", {"classes": [{"name": "lesion", "values": [1]}]})
    label = read_label(shared_volumes / f"{name}.nii.gz", task)
    back = there_and_back(label, 1.0, 2)
    both = np.count_nonzero(back & label.classes)
    assert 2 * both / (np.count_nonzero(back) + np.count_nonzero(label.classes)) >= 0.95
