"""The metrics against known answers and against an independent computation."""

import math

import numpy as np
import numpy.typing as npt
import pytest
from scipy import ndimage

pytest.importorskip("torch")
pytest.importorskip("monai")
import torch
from monai.metrics import compute_dice

from brains45k.segmentation.metrics import score_region
from brains45k.segmentation.scores import Score
from brains45k.volume.volume import Mask

SHAPE = (20, 16, 12)
SPACING_MM = (0.5, 1.0, 3.0)
CUBE = (slice(4, 12), slice(3, 9), slice(2, 7))
DIAGONAL_MM = math.sqrt(10**2 + 16**2 + 36**2)
NOTHING = np.zeros(SHAPE, dtype=bool)

Distances = npt.NDArray[np.float64]


def cube(shift: tuple[int, int, int] = (0, 0, 0)) -> Mask:
    voxels = NOTHING.copy()
    voxels[tuple(slice(part.start + step, part.stop + step) for part, step in zip(CUBE, shift, strict=True))] = True
    return voxels


def measure(truth: Mask, prediction: Mask, *, ignored: Mask = NOTHING, with_lesions: bool = False) -> Score:
    return score_region(truth, prediction, ignored=ignored, spacing_mm=SPACING_MM, with_lesions=with_lesions)


def surface(mask: Mask) -> Mask:
    """Return the voxels of which a face lies outside, by comparing with the six neighbours."""
    padded = np.pad(mask, 1)
    inside = np.ones_like(mask)
    for axis in range(3):
        for step in (-1, 1):
            inside &= np.roll(padded, step, axis)[1:-1, 1:-1, 1:-1]
    return mask & ~inside


def distances_mm(truth: Mask, prediction: Mask) -> tuple[Distances, Distances]:
    """Return the distances of each surface to the other by distance transforms over the whole image."""
    surfaces = surface(truth), surface(prediction)
    to_truth, to_prediction = (ndimage.distance_transform_edt(~mask, sampling=SPACING_MM) for mask in surfaces)
    return to_prediction[surfaces[0]], to_truth[surfaces[1]]


def blobs(seed: int) -> Mask:
    noise = np.random.default_rng(seed).random(SHAPE)
    return ndimage.gaussian_filter(noise, 1.5) > 0.5


# Of the cube's 8 x 6 x 5 voxels, 168 are surface. Those beyond 1 mm of the other surface, counted by hand: the layers
# that the shift leaves behind, and in the face that it covers those more than 1 mm from a wall along x.
@pytest.mark.parametrize(
    ("shift", "dice", "hd95_mm", "far_voxels"),
    [
        ((0, 0, 0), 1, 0.0, 0),
        ((1, 0, 0), 7 / 8, 0.5, 0),
        ((0, 1, 0), 5 / 6, 1.0, 0),
        ((0, 2, 0), 4 / 6, 2.0, 8 * 5 + 2 * 3),
        ((0, 0, 1), 4 / 5, 3.0, 8 * 6 + 2 * 2),
    ],
)
def test_a_shifted_cube(shift: tuple[int, int, int], dice: float, hd95_mm: float, far_voxels: int) -> None:
    found = measure(cube(), cube(shift))
    assert found.dice == pytest.approx(dice)
    assert found.hd95_mm == pytest.approx(hd95_mm)
    assert found.nsd_1mm == pytest.approx(1 - far_voxels / 168)
    assert (found.volume_difference_ml, found.volume_difference_share) == (0, 0)


def test_volumes_are_in_millilitres_and_shares_of_the_truth() -> None:
    half = cube()
    half[8:] = False
    assert measure(half, cube()).volume_difference_ml == pytest.approx(4 * 6 * 5 * 1.5 / 1000)
    assert measure(half, cube()).volume_difference_share == pytest.approx(1)
    assert measure(cube(), half).volume_difference_ml == pytest.approx(-4 * 6 * 5 * 1.5 / 1000)
    assert measure(cube(), half).volume_difference_share == pytest.approx(-0.5)


@pytest.mark.parametrize("seed", range(4))
def test_random_masks_as_by_distance_transforms(seed: int) -> None:
    truth, prediction = blobs(seed), blobs(seed + 100)
    there, back = distances_mm(truth, prediction)
    found = measure(truth, prediction)
    expected_hd95 = max(np.percentile(there, 95), np.percentile(back, 95))
    near = np.count_nonzero(there <= 1) + np.count_nonzero(back <= 1)
    assert found.hd95_mm == pytest.approx(expected_hd95, rel=1e-6)
    assert found.nsd_1mm == pytest.approx(near / (len(there) + len(back)), rel=1e-6)
    assert found.dice == pytest.approx(2 * (truth & prediction).sum() / (truth.sum() + prediction.sum()))


def test_dice_as_monais() -> None:
    truth, prediction = blobs(1), blobs(2)
    theirs = compute_dice(
        *(torch.from_numpy(mask)[None, None] for mask in (prediction, truth)), include_background=True
    )
    assert measure(truth, prediction).dice == pytest.approx(theirs.item(), rel=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_what_lies_around_the_masks_changes_nothing(seed: int) -> None:
    # The blobs reach the ends of the image.
    truth, prediction = blobs(seed), blobs(seed + 7)
    wide = [np.pad(mask, 9) for mask in (truth, prediction, NOTHING)]
    found = score_region(wide[0], wide[1], ignored=wide[2], spacing_mm=SPACING_MM, with_lesions=True)
    assert found == measure(truth, prediction, with_lesions=True)


def test_absent_in_both_masks() -> None:
    found = measure(NOTHING, NOTHING, with_lesions=True)
    assert (found.truth_voxels, found.prediction_voxels, found.volume_difference_ml) == (0, 0, 0)
    assert (found.dice, found.hd95_mm, found.nsd_1mm, found.volume_difference_share, found.lesion_f1) == (None,) * 5
    assert (found.lesions_found, found.lesions_true, found.lesions_predicted) == (0, 0, 0)


def test_missed_altogether() -> None:
    found = measure(cube(), NOTHING, with_lesions=True)
    assert (found.dice, found.nsd_1mm, found.lesion_f1, found.volume_difference_share) == (0, 0, 0, -1)
    assert found.hd95_mm == pytest.approx(DIAGONAL_MM)
    assert found.volume_difference_ml == pytest.approx(-240 * 1.5 / 1000)


def test_predicted_where_there_is_none() -> None:
    found = measure(NOTHING, cube(), with_lesions=True)
    assert (found.dice, found.nsd_1mm, found.lesion_f1) == (0, 0, 0)
    assert found.volume_difference_share is None
    assert found.hd95_mm == pytest.approx(DIAGONAL_MM)
    assert found.volume_difference_ml == pytest.approx(240 * 1.5 / 1000)


def test_no_hit_is_worse_than_a_miss() -> None:
    first, last = NOTHING.copy(), NOTHING.copy()
    first[0, 0, 0] = last[-1, -1, -1] = True
    hit_mm, miss_mm = measure(first, last).hd95_mm, measure(first, NOTHING).hd95_mm
    assert hit_mm is not None
    assert miss_mm is not None
    assert hit_mm < miss_mm


@pytest.mark.parametrize("seed", range(3))
def test_ignored_voxels_count_in_neither_mask(seed: int) -> None:
    truth, prediction, ignored = blobs(seed), blobs(seed + 7), blobs(seed + 14)
    found = measure(truth, prediction, ignored=ignored, with_lesions=True)
    assert found == measure(truth & ~ignored, prediction & ~ignored, with_lesions=True)
    assert found == measure(truth | ignored, prediction | ignored, ignored=ignored, with_lesions=True)


def test_a_region_that_is_ignored_altogether_is_absent() -> None:
    assert measure(cube(), cube((1, 0, 0)), ignored=~NOTHING) == measure(NOTHING, NOTHING)


def test_lesions_are_counted_where_they_are_asked_for() -> None:
    found = measure(cube(), cube())
    assert (found.lesion_f1, found.lesions_found, found.lesions_true, found.lesions_predicted) == (None,) * 4
    found = measure(cube(), cube(), with_lesions=True)
    assert (found.lesion_f1, found.lesions_found, found.lesions_true, found.lesions_predicted) == (1, 1, 1, 1)


def test_a_spacing_that_a_turn_left_a_hair_above_1_mm_is_1_mm() -> None:
    prediction = cube((1, 0, 0))
    found = score_region(cube(), prediction, ignored=NOTHING, spacing_mm=(1.0000002, 1.0, 1.0))
    assert found.nsd_1mm == 1


def test_masks_of_different_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="expected one shape"):
        measure(cube(), cube()[1:])
