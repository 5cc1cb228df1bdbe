"""Pictures of reconstructions: each panel in its column, each plane in its row, the right way up."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from brains45k.report.picture import three_planes
from brains45k.training.pictures import PANELS, PLANES, Patch, reconstruction_picture, write_picture
from brains45k.volume.volume import Volume

SIZE_VOXELS = 16
LEAST_PIXELS = 160

Pixels = npt.NDArray[np.uint8]


def blank(shape: tuple[int, ...] = (SIZE_VOXELS,) * 3) -> dict[str, Patch]:
    return {name: np.zeros(shape, np.float32) for name in PANELS}


def noise(seed: int, shape: tuple[int, ...] = (SIZE_VOXELS,) * 3) -> Patch:
    return np.random.default_rng(seed).random(shape, np.float32)


def pixels(panels: dict[str, Patch], *, title: str = "") -> Pixels:
    return np.asarray(reconstruction_picture(panels, title=title))


def spans(marked: npt.NDArray[np.bool_]) -> list[slice]:
    """Return the runs of True."""
    edges = np.flatnonzero(np.diff(np.r_[False, marked, False].astype(int))).tolist()
    return [slice(first, after) for first, after in zip(edges[::2], edges[1::2], strict=True)]


def cells(panel: str, shape: tuple[int, ...] = (SIZE_VOXELS,) * 3) -> list[tuple[slice, slice]]:
    """Return where a panel's three planes are, found by what changes when it turns from black to white."""
    white = blank(shape) | {panel: np.ones(shape, np.float32)}
    changed = (pixels(white) != pixels(blank(shape))).any(axis=-1)
    rows = spans(changed.any(axis=1))
    return [(row, spans(changed[row].any(axis=0))[0]) for row in rows]


def test_panels_stand_in_their_order() -> None:
    lefts = [[column.start for _, column in cells(panel)] for panel in PANELS]
    assert all(len(set(column)) == 1 for column in lefts)
    assert lefts == sorted(lefts)
    assert len(lefts[0]) == len(PLANES)


@pytest.mark.parametrize("panel", PANELS)
def test_planes_are_those_of_show_enlarged(panel: str) -> None:
    patch = noise(1)
    found = pixels(blank() | {panel: patch})
    sagittal, coronal, axial = three_planes(Volume(patch, np.eye(4), (1.0, 1.0, 1.0)))
    for plane, cell in zip([axial, coronal, sagittal], cells(panel), strict=True):
        scale = found[cell].shape[0] // SIZE_VOXELS
        enlarged = np.kron(np.asarray(plane), np.ones((scale, scale), np.uint8))
        np.testing.assert_array_equal(found[cell], np.stack([enlarged] * 3, axis=-1))


@pytest.mark.parametrize(
    ("axis", "sides"),
    [(0, ("right", "right", None)), (1, ("top", None, "right")), (2, (None, "top", "top"))],
    ids=["right", "anterior", "superior"],
)
def test_the_bright_side_is_where_the_labels_say(axis: int, sides: tuple[str | None, ...]) -> None:
    ramp = np.linspace(0, 1, SIZE_VOXELS, dtype=np.float32)
    patch = np.moveaxis(np.broadcast_to(ramp, (SIZE_VOXELS,) * 3), -1, axis)
    found = pixels(blank() | {"input": patch})
    for cell, side in zip(cells("input"), sides, strict=True):
        grey = found[cell][..., 0].astype(int)
        rises = {"right": grey[0, -1] > grey[0, 0], "top": grey[0, 0] > grey[-1, 0]}
        assert [name for name, is_so in rises.items() if is_so] == ([side] if side else [])


def test_labels_name_the_sides() -> None:
    assert list(PLANES.items()) == [
        ("axial", "A up, R right"),
        ("coronal", "S up, R right"),
        ("sagittal", "S up, A right"),
    ]


@pytest.mark.parametrize("size_voxels", [5, 32, 96, 128, 160, 200])
def test_patches_are_enlarged_by_whole_numbers_to_a_readable_size(size_voxels: int) -> None:
    for row, column in cells("output", (size_voxels,) * 3):
        assert row.stop - row.start == column.stop - column.start >= LEAST_PIXELS
        assert (row.stop - row.start) % size_voxels == 0


def test_a_patch_that_is_no_cube_keeps_its_proportions() -> None:
    axial, coronal, sagittal = cells("target", (16, 8, 4))
    scale = (axial[1].stop - axial[1].start) // 16
    sizes = [(column.stop - column.start, row.stop - row.start) for row, column in (axial, coronal, sagittal)]
    assert sizes == [(16 * scale, 8 * scale), (16 * scale, 4 * scale), (8 * scale, 4 * scale)]


def test_values_beyond_the_range_are_clipped() -> None:
    patch = 3 * noise(2).astype(float) - 1
    # Finite, and more than float32 holds.
    patch[patch > 1.9] = 1e300
    beyond, clipped = (pixels(blank() | {"output": values}) for values in (patch, patch.clip(0, 1)))
    np.testing.assert_array_equal(beyond, clipped)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_red(value: float, dtype: type[np.floating]) -> None:
    panels = {name: noise(3) for name in PANELS}
    patch = panels["output"].astype(dtype)
    patch[SIZE_VOXELS // 2, 2:5, 3] = value
    found, sound = pixels(panels | {"output": patch}), pixels(panels)
    sagittal = cells("output")[-1]
    scale = found[sagittal].shape[0] // SIZE_VOXELS
    # y runs right and z up.
    block = found[sagittal][(SIZE_VOXELS - 4) * scale : (SIZE_VOXELS - 3) * scale, 2 * scale : 5 * scale]
    red, green, blue = np.moveaxis(block.astype(int), -1, 0)
    assert (red > green + 100).all()
    assert (red > blue + 100).all()
    for panel in ("input", "masked", "target"):
        for cell in cells(panel):
            np.testing.assert_array_equal(found[cell], sound[cell])


def test_an_output_without_one_finite_value_is_drawn() -> None:
    found = pixels(blank() | {"output": np.full((SIZE_VOXELS,) * 3, np.nan, np.float32)})
    for cell in cells("output"):
        assert len(np.unique(found[cell].reshape(-1, 3), axis=0)) == 1


def test_the_count_of_what_is_not_finite_is_told() -> None:
    one, two = np.zeros((SIZE_VOXELS,) * 3), np.zeros((SIZE_VOXELS,) * 3)
    # Outside the planes that are drawn, where only the label can tell.
    one[0, 0, 0] = two[0, 0, 0] = two[0, 0, 1] = np.nan
    pictures = [pixels(blank() | {"output": patch}).tobytes() for patch in (np.zeros_like(one), one, two)]
    assert len(set(pictures)) == len(pictures)


def test_the_title_stands_above_the_panels() -> None:
    with_title, without = pixels(blank(), title="tiny_sub-01_T1w, step 10"), pixels(blank())
    added = with_title.shape[0] - without.shape[0]
    assert added > 0
    np.testing.assert_array_equal(with_title[2 * added :], without[added:])
    assert (with_title[:added] != with_title[0, 0]).any()


@pytest.mark.parametrize("title", ["<b>&amp;</b>", "Schädel \N{BRAIN}", "a\nb"])
def test_any_title_can_be_drawn(title: str) -> None:
    assert pixels(blank(), title=title).ndim == 3


def test_panels_are_the_four() -> None:
    with pytest.raises(ValueError, match="masked"):
        reconstruction_picture({name: noise(0) for name in ("input", "output", "target")})
    with pytest.raises(ValueError, match="prediction"):
        reconstruction_picture(blank() | {"prediction": noise(0)})


@pytest.mark.parametrize("patch", [np.zeros((8, 8, 9)), np.zeros((8, 8)), np.zeros((1, 8, 8, 8))])
def test_panels_have_one_shape_of_three_axes(patch: Patch) -> None:
    with pytest.raises(ValueError, match="three axes"):
        reconstruction_picture(blank((8, 8, 8)) | {"output": patch})
    if patch.ndim != 3:
        with pytest.raises(ValueError, match="three axes"):
            reconstruction_picture(dict.fromkeys(PANELS, patch))


def test_a_png_holds_the_picture_and_is_always_the_same(tmp_path: Path) -> None:
    picture = reconstruction_picture({name: noise(4) for name in PANELS})
    for name in ("a.png", "b.png"):
        write_picture(picture, tmp_path / "pictures" / name)
    with Image.open(tmp_path / "pictures" / "a.png") as read:
        assert read.format == "PNG"
        np.testing.assert_array_equal(np.asarray(read), np.asarray(picture))
    first, second = sorted((tmp_path / "pictures").iterdir())
    assert first.read_bytes() == second.read_bytes()


def test_a_png_is_replaced_in_one_move(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    write_picture(reconstruction_picture(blank()), path)
    before = path.read_bytes()
    with path.open("rb") as reader:
        write_picture(reconstruction_picture(blank() | {"input": noise(5)}), path)
        assert reader.read() == before
    assert path.read_bytes() != before
    assert list(tmp_path.iterdir()) == [path]
