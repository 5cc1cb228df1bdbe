"""Pictures are the right way up: right is right, and up is superior or anterior."""

from pathlib import Path

import nibabel
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from support.small_corpus import HEAD, RAS, SIZE_VOXELS, write_nifti

from brains45k.report.picture import draw_volume, three_planes
from brains45k.volume.preprocess import preprocess
from brains45k.volume.volume import Volume

TITLE_PIXELS, GAP_PIXELS = 18, 6
# x, y, z of one bright voxel each, and its grey: far right, far anterior, far superior of the middle (5, 6, 7).
MARKS = {(9, 6, 7): 255, (5, 11, 7): 128, (5, 6, 13): 64}


def marked(spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> Volume:
    data = np.zeros((11, 13, 15), np.float32)
    for place, grey in MARKS.items():
        data[place] = grey / 255
    return Volume(data, np.diag([*spacing_mm, 1.0]), spacing_mm)


def pixels(picture: Image.Image) -> dict[tuple[int, int], int]:
    """Return what is not black: (column, row from above) -> grey."""
    values = np.asarray(picture)
    return {(int(column), int(row)): int(values[row, column]) for row, column in np.argwhere(values)}


def test_planes_are_the_right_way_up() -> None:
    sagittal, coronal, axial = three_planes(marked())
    # Anterior is right and superior is up.
    assert pixels(sagittal) == {(11, 14 - 7): 128, (6, 14 - 13): 64}
    # Right is right and superior is up.
    assert pixels(coronal) == {(9, 14 - 7): 255, (5, 14 - 13): 64}
    # Right is right and anterior is up.
    assert pixels(axial) == {(9, 12 - 6): 255, (5, 12 - 11): 128}


def test_voxels_have_their_true_proportions() -> None:
    assert [plane.size for plane in three_planes(marked((2.0, 1.0, 3.0)))] == [(13, 45), (22, 45), (22, 13)]


def test_intensities_outside_the_range_are_clipped() -> None:
    data = np.linspace(-1, 2, 27, dtype=np.float32).reshape(3, 3, 3)
    planes = three_planes(Volume(data, np.eye(4), (1.0, 1.0, 1.0)))
    values = np.concatenate([np.asarray(plane).ravel() for plane in planes])
    assert values.dtype == np.uint8
    assert (values.min(), values.max()) == (0, 255)


def test_a_png_holds_the_three_planes_beside_each_other(tmp_path: Path) -> None:
    draw_volume(marked(), tmp_path / "a.png", title="")
    picture = Image.open(tmp_path / "a.png")
    assert picture.format == "PNG"
    assert picture.size == (13 + 11 + 11 + 2 * GAP_PIXELS, 15 + TITLE_PIXELS)
    left = 0
    for plane in three_planes(marked()):
        top = TITLE_PIXELS + (15 - plane.height) // 2
        found = picture.crop((left, top, left + plane.width, top + plane.height))
        np.testing.assert_array_equal(np.asarray(found), np.asarray(plane))
        left += plane.width + GAP_PIXELS


def test_the_title_stands_above_the_planes(tmp_path: Path) -> None:
    draw_volume(marked((5.0, 5.0, 5.0)), tmp_path / "a.png", title="tiny_sub-01")
    draw_volume(marked((5.0, 5.0, 5.0)), tmp_path / "b.png", title="")
    with_title, without = (np.asarray(Image.open(tmp_path / name)) for name in ("a.png", "b.png"))
    assert with_title[:TITLE_PIXELS].any()
    assert not without[:TITLE_PIXELS].any()
    np.testing.assert_array_equal(with_title[TITLE_PIXELS:], without[TITLE_PIXELS:])


def brighter_to_the(picture: Image.Image) -> tuple[str, str]:
    values = np.asarray(picture, dtype=float)
    height, width = (size // 2 for size in values.shape)
    return (
        "right" if values[:, -width:].mean() > values[:, :width].mean() else "left",
        "top" if values[:height].mean() > values[-height:].mean() else "bottom",
    )


def stored_as(codes: str, voxels: npt.NDArray[np.int16]) -> nibabel.Nifti1Image:
    """Return an image in RAS with its axes stored in another order."""
    orientation = nibabel.orientations.axcodes2ornt(codes)
    return nibabel.Nifti1Image(voxels, RAS).as_reoriented(
        nibabel.orientations.ornt_transform(nibabel.orientations.axcodes2ornt("RAS"), orientation)
    )


@pytest.mark.parametrize("codes", ["RAS", "LPS", "LAS", "PIR", "SRA", "IPL"])
def test_a_file_of_any_orientation_is_drawn_the_right_way_up(tmp_path: Path, codes: str) -> None:
    # Brighter to the right, the front and the top of the head, by different steps.
    x, y, z = np.indices((SIZE_VOXELS,) * 3)
    voxels = np.zeros((SIZE_VOXELS,) * 3, np.int16)
    voxels[HEAD, HEAD, HEAD] = (100 + 7 * x + 11 * y + 13 * z)[HEAD, HEAD, HEAD]
    image = stored_as(codes, voxels)
    path = write_nifti(tmp_path / "a.nii", np.asarray(image.dataobj), image.affine)
    assert [brighter_to_the(plane) for plane in three_planes(preprocess(path))] == [("right", "top")] * 3
