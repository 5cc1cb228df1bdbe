"""Pictures of cases: the right planes the right way up, outlines where the masks end, told apart without colour."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from brains45k.segmentation.case_pictures import (
    PREDICTION_COLOUR,
    TRUTH_COLOUR,
    CaseView,
    case_picture,
    case_view,
    dashes,
    largest_extent,
    largest_lesion,
    look_up,
)
from brains45k.tasks.grid import Grid
from brains45k.tasks.task import IGNORED, Task
from brains45k.volume.volume import Affine, Mask

SHAPE = (24, 30, 20)
SPACING_MM = (1.0, 1.0, 1.0)
NOTHING = np.zeros(SHAPE, dtype=bool)
# Of the layout: names at the left, a title and the columns' names above, then cells.
MARGIN_PIXELS, TOP_PIXELS, CELL_PIXELS, GAP_PIXELS = 130, 54, 448, 8
TASK = Task(
    "lesions",
    {
        "classes": [{"name": "core", "values": [1]}, {"name": "rim", "values": [2]}],
        "regions": [{"name": "whole", "classes": ["core", "rim"]}, {"name": "core", "classes": ["core"]}],
    },
)

Pixels = npt.NDArray[np.uint8]


def box(x: slice, y: slice, z: slice) -> Mask:
    mask = NOTHING.copy()
    mask[x, y, z] = True
    return mask


SMALL = box(slice(2, 4), slice(2, 5), slice(2, 5))
LESION = box(slice(14, 20), slice(16, 26), slice(4, 9))


def view(
    truth: Mask = NOTHING, prediction: Mask = NOTHING, spacing_mm: tuple[float, float, float] = SPACING_MM
) -> CaseView:
    image = np.full(SHAPE, 0.5, np.float32)
    return CaseView(image=image, truth=(truth,), prediction=(prediction,), spacing_mm=spacing_mm)


def pixels(drawn: CaseView) -> Pixels:
    """Return a picture's pixels, without the legend at its foot."""
    return np.asarray(case_picture(drawn, title=["case"]))[:-40]


def marked(found: Pixels, colour: tuple[int, int, int]) -> Mask:
    return np.asarray((found == colour).all(axis=-1))


@pytest.mark.parametrize(
    ("truth", "prediction", "expected"),
    [
        (LESION, NOTHING, LESION),
        (NOTHING, LESION, LESION),
        # What is predicted matters only where there is no truth.
        (LESION, ~NOTHING, LESION),
        # Of two lesions that do not touch the larger one.
        (LESION | SMALL, SMALL, LESION),
        (NOTHING, NOTHING, ~NOTHING),
    ],
)
def test_the_largest_lesion_is_shown(truth: Mask, prediction: Mask, expected: Mask) -> None:
    assert np.array_equal(largest_lesion(view(truth, prediction)), expected)


def test_all_regions_count_for_the_largest_lesion() -> None:
    both = replace(view(SMALL), truth=(SMALL, LESION), prediction=(NOTHING, NOTHING))
    assert np.array_equal(largest_lesion(both), LESION)


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        # Of equal planes the middle one.
        (LESION, (17, 21, 6)),
        (~NOTHING, (12, 15, 10)),
        (LESION | box(slice(2, 20), slice(18, 20), slice(7, 8)), (17, 19, 7)),
    ],
)
def test_planes_cut_most_of_the_lesion(mask: Mask, expected: tuple[int, int, int]) -> None:
    assert largest_extent(mask) == expected


def test_the_truth_is_outlined_and_not_filled() -> None:
    found = pixels(view(LESION))
    assert 0 < marked(found, TRUTH_COLOUR).sum() < 0.05 * found.size
    assert not marked(found, PREDICTION_COLOUR).any()


def test_the_prediction_is_dashed_over_the_truth() -> None:
    solid, dashed = marked(pixels(view(LESION)), TRUTH_COLOUR), marked(pixels(view(NOTHING, LESION)), PREDICTION_COLOUR)
    both = pixels(view(LESION, LESION))
    assert 0.3 * solid.sum() < dashed.sum() < 0.8 * solid.sum()
    assert np.array_equal(marked(both, PREDICTION_COLOUR), dashed)
    left = marked(both, TRUTH_COLOUR)
    assert 0.2 * solid.sum() < left.sum() < 0.8 * solid.sum()
    assert not (left & ~solid).any()


def test_the_middle_column_is_the_image_alone() -> None:
    found = pixels(view(LESION, LESION))
    coloured = np.flatnonzero((marked(found, TRUTH_COLOUR) | marked(found, PREDICTION_COLOUR)).any(axis=0).tolist())
    columns = (coloured - MARGIN_PIXELS) // (CELL_PIXELS + GAP_PIXELS)
    assert set(columns.tolist()) == {0, 2}


def test_anterior_and_superior_are_up_and_right_is_right() -> None:
    corner = box(slice(20, 24), slice(26, 30), slice(17, 20))
    found = marked(pixels(view(corner)), TRUTH_COLOUR)
    for row in np.array_split(found[TOP_PIXELS:, MARGIN_PIXELS : MARGIN_PIXELS + CELL_PIXELS], 3):
        rows, columns = np.nonzero(row)
        assert rows.max() < 0.5 * len(row)
        assert columns.min() > 0.6 * CELL_PIXELS


def test_a_mask_at_the_end_of_the_image_is_closed() -> None:
    cell = marked(pixels(view(~NOTHING)), TRUTH_COLOUR)[TOP_PIXELS:, MARGIN_PIXELS:][:CELL_PIXELS, :CELL_PIXELS]
    # The axial plane is 24 by 30 mm, in the middle of its cell.
    rows, columns = np.flatnonzero(cell.any(axis=1)), np.flatnonzero(cell.any(axis=0))
    assert (rows[0], rows[-1]) == pytest.approx((0, CELL_PIXELS), abs=3)
    assert (columns[0], columns[-1]) == pytest.approx((0.1 * CELL_PIXELS, 0.9 * CELL_PIXELS), abs=3)


def test_voxels_have_their_true_proportions() -> None:
    thick = marked(pixels(view(LESION, spacing_mm=(1.0, 1.0, 3.0))), TRUTH_COLOUR)
    coronal = thick[TOP_PIXELS + CELL_PIXELS + GAP_PIXELS :, MARGIN_PIXELS:][:CELL_PIXELS, :CELL_PIXELS]
    height, width = (np.ptp(np.flatnonzero(coronal.any(axis=axis))) for axis in (1, 0))
    # Six voxels of 1 mm along x, five of 3 mm along z.
    assert height / width == pytest.approx(15 / 6, rel=0.1)


def test_around_the_lesion_it_is_larger() -> None:
    shape = (120, 110, 100)
    truth = np.zeros(shape, dtype=bool)
    truth[100:104, 50:60, 40:45] = True
    large = replace(
        view(), image=np.zeros(shape, np.float32), truth=(truth,), prediction=(np.zeros(shape, dtype=bool),)
    )
    found = marked(pixels(large), TRUTH_COLOUR)[TOP_PIXELS:, MARGIN_PIXELS:][:CELL_PIXELS]
    whole, _, near = np.array_split(found, 3, axis=1)
    widths = [np.ptp(np.flatnonzero(part.any(axis=0))) for part in (whole, near)]
    # 48 mm fill the cell that 120 mm fill in the whole plane.
    assert widths[1] / widths[0] == pytest.approx(120 / 48, rel=0.15)


def test_the_same_case_gives_the_same_picture() -> None:
    first, second = (case_picture(view(LESION, LESION), title=["a"]) for _ in range(2))
    assert first.tobytes() == second.tobytes()


def test_dashes_are_every_other_piece_of_the_line() -> None:
    line = np.stack([np.arange(40.0), np.zeros(40)], axis=1)
    found = [piece[:, 0].tolist() for piece in dashes(line, length_pixels=10)]
    assert found == [list(range(10)), list(range(20, 30))]


def test_dashes_follow_a_staircase_whichever_way_it_leads() -> None:
    steps = np.cumsum(np.tile([[1.0, 0.0], [0.0, 1.0]], (40, 1)), axis=0)
    for turned in (steps, steps * [1, -1]):
        drawn = sum(len(piece) for piece in dashes(turned, length_pixels=10))
        assert drawn == pytest.approx(len(steps) / 2, abs=10)


def grid(affine: Affine, shape: tuple[int, int, int]) -> Grid:
    """Return a grid whose network sees all of an image at 1 mm, but its first two voxels in RAS."""
    steps = np.linalg.norm(affine[:3, :3], axis=0)
    turned = np.abs(affine[:3, :3] / steps).argmax(axis=0)
    in_ras = tuple(int(shape[list(turned).index(axis)]) for axis in range(3))
    spacing = tuple(float(steps[list(turned).index(axis)]) for axis in range(3))
    resampled = tuple(round(size * step) for size, step in zip(in_ras, spacing, strict=True))
    return Grid(
        shape=shape,
        affine=affine,
        spacing_mm=(float(steps[0]), float(steps[1]), float(steps[2])),
        field_start=(0, 0, 0),
        field_shape=(in_ras[0], in_ras[1], in_ras[2]),
        resampled_shape=(resampled[0], resampled[1], resampled[2]),
        crop_start=(2, 2, 2),
        crop_shape=(resampled[0] - 2, resampled[1] - 2, resampled[2] - 2),
    )


TURNED = np.array([[0, 0, -1.0, 5], [-2.0, 0, 0, 9], [0, 3.0, 0, -4], [0, 0, 0, 1]])


def test_each_voxel_of_the_network_sees_the_value_at_its_place() -> None:
    classes = np.random.default_rng(3).integers(0, 3, (6, 5, 8), np.uint8)
    seen = grid(TURNED, (6, 5, 8))
    found = look_up(classes, seen)
    assert found.shape == seen.crop_shape
    middles = np.stack(np.meshgrid(*map(np.arange, found.shape), indexing="ij"), -1).reshape(-1, 3)
    world = middles @ seen.network_affine[:3, :3].T + seen.network_affine[:3, 3]
    places = (world - TURNED[:3, 3]) @ np.linalg.inv(TURNED[:3, :3]).T
    nearest = np.rint(places - 1e-6).astype(int)
    # A middle on the border of two voxels may be given to either.
    clear = (np.abs(places - np.floor(places) - 0.5) > 1e-3).all(axis=1)
    assert np.array_equal(found.reshape(-1)[clear], classes[tuple(nearest[clear].T)])
    assert clear.mean() > 0.2


def test_a_view_has_the_regions_of_the_task_without_what_is_ignored() -> None:
    truth = np.zeros((8, 8, 8), np.uint8)
    truth[2:4], truth[4:6], truth[6:] = 1, 2, IGNORED
    prediction = np.ones_like(truth)
    seen = grid(np.diag([1.0, 1.0, 1.0, 1.0]), truth.shape)
    found = case_view(np.zeros(seen.crop_shape, np.float32), truth, prediction, seen, TASK)
    assert [np.flatnonzero(mask.any(axis=(1, 2))).tolist() for mask in found.truth] == [[0, 1, 2, 3], [0, 1]]
    assert [np.flatnonzero(mask.any(axis=(1, 2))).tolist() for mask in found.prediction] == [[0, 1, 2, 3]] * 2
    assert found.spacing_mm == pytest.approx(SPACING_MM)
