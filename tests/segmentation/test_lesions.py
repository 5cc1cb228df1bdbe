"""Lesions counted by hand: found, missed, false, merged and split."""

import numpy as np
import pytest

from brains45k.segmentation.lesions import LesionCounts, count_lesions
from brains45k.volume.volume import Mask

SHAPE = (12, 10, 8)
Corner = tuple[int, int, int]


def mask(*boxes: tuple[Corner, Corner]) -> Mask:
    """Return a mask of boxes, each from its first voxel up to but without its last."""
    voxels = np.zeros(SHAPE, dtype=bool)
    for first, after in boxes:
        voxels[tuple(slice(low, high) for low, high in zip(first, after, strict=True))] = True
    return voxels


LEFT = ((1, 1, 1), (3, 3, 3))
MIDDLE = ((5, 1, 1), (7, 3, 3))
RIGHT = ((9, 1, 1), (11, 3, 3))
FAR = ((1, 6, 5), (3, 8, 7))
BRIDGE = ((2, 1, 1), (6, 3, 3))
NOTHING = mask()


@pytest.mark.parametrize(
    ("truth", "prediction", "expected", "f1"),
    [
        (mask(LEFT, MIDDLE), mask(LEFT, MIDDLE), (2, 2, 2, 0), 1.0),
        # Two found, one missed, one false: 4 / (4 + 1 + 1).
        (mask(LEFT, MIDDLE, RIGHT), mask(LEFT, MIDDLE, FAR), (3, 3, 2, 1), 2 / 3),
        # One prediction over two lesions finds both.
        (mask(LEFT, MIDDLE), mask(BRIDGE), (2, 1, 2, 0), 1.0),
        # Two pieces of one lesion count once, and neither is false.
        (mask(BRIDGE), mask(LEFT, MIDDLE), (1, 2, 1, 0), 1.0),
        (mask(LEFT), NOTHING, (1, 0, 0, 0), 0.0),
        (NOTHING, mask(LEFT, FAR), (0, 2, 0, 2), 0.0),
        (NOTHING, NOTHING, (0, 0, 0, 0), None),
    ],
)
def test_known_answers(truth: Mask, prediction: Mask, expected: tuple[int, int, int, int], f1: float | None) -> None:
    found = count_lesions(truth, prediction)
    assert (found.true, found.predicted, found.found, found.false) == expected
    assert found.f1 == (None if f1 is None else pytest.approx(f1))


def test_one_voxel_is_enough_to_find_a_lesion() -> None:
    assert count_lesions(mask(LEFT), mask(((2, 2, 2), (4, 4, 4)))).found == 1


def test_touching_without_overlap_finds_nothing() -> None:
    counts = count_lesions(mask(LEFT), mask(((3, 1, 1), (5, 3, 3))))
    assert (counts.found, counts.false) == (0, 1)


@pytest.mark.parametrize("step", [(1, 0, 0), (1, 1, 0), (1, 1, 1), (1, -1, 1)])
def test_voxels_that_share_a_corner_are_one_lesion(step: Corner) -> None:
    first = (4, 4, 4)
    voxels = np.zeros(SHAPE, dtype=bool)
    voxels[first] = voxels[tuple(np.add(first, step))] = True
    assert count_lesions(voxels, voxels).true == 1


def test_precision_and_recall_are_over_predicted_and_true_lesions() -> None:
    counts = LesionCounts(true=4, predicted=5, found=3, false=2)
    assert counts.precision == pytest.approx(3 / 5)
    assert counts.recall == pytest.approx(3 / 4)
    # 3 found, 2 false, 1 missed.
    assert counts.f1 == pytest.approx(6 / 9)


def test_precision_and_recall_of_nothing_are_undefined() -> None:
    counts = LesionCounts(true=0, predicted=0, found=0, false=0)
    assert (counts.precision, counts.recall, counts.f1) == (None, None, None)
