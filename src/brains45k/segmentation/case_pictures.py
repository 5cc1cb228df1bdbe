"""A picture of one case: three planes through its largest lesion, with truth and prediction outlined."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage
from skimage.measure import find_contours

from brains45k.tasks.grid import Classes, Grid
from brains45k.tasks.task import IGNORED, Task
from brains45k.volume.box import box_of
from brains45k.volume.volume import Mask, Voxels

#: Which plane lies across which axis, and where the subject's sides are in it.
PLANES: Final = MappingProxyType(
    {"axial": (2, "A up, R right"), "coronal": (1, "S up, R right"), "sagittal": (0, "S up, A right")}
)
#: Sky blue and orange of Okabe and Ito's palette, which colour-blind readers tell apart, on grey too.
TRUTH_COLOUR: Final = (86, 180, 233)
PREDICTION_COLOUR: Final = (230, 159, 0)

Planar = npt.NDArray[Any]
Points = npt.NDArray[np.float64]

_COLUMNS = ("truth and prediction", "the largest lesion", "the largest lesion, outlined")
_CELL_PIXELS = 448
# What is shown around the largest lesion at least: each voxel as large as a dash.
_ZOOM_MM = 48.0
_ZOOM_MARGIN_MM = 10.0
_GAP_PIXELS = 8
_MARGIN_PIXELS = 130
_TEXT_PIXELS = 16
_LINE_PIXELS = 23
_OUTLINE_PIXELS = 2
_DASH_PIXELS = 8
_SAMPLE_PIXELS = 56
_PAPER = (36, 36, 36)
_EDGE = (0, 0, 0)
_INK = (235, 235, 235)
_FAINT = (175, 175, 175)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CaseView:
    """What is drawn of a case, on one grid whose axes run right, anterior and superior.

    Attributes
    ----------
    image : numpy.ndarray
        x, y, z in [0, 1].
    truth, prediction : tuple of numpy.ndarray of bool
        x, y, z; one mask per region.
    spacing_mm : tuple of float
        Along x, y and z.
    """

    image: Voxels
    truth: tuple[Mask, ...]
    prediction: tuple[Mask, ...]
    spacing_mm: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class _Cut:
    """A part of one plane, and how large it is drawn."""

    axis: int
    index: int
    part: tuple[slice, slice]
    pixels_per_mm: float

    def of(self, values: Planar) -> Planar:
        return np.asarray(np.take(values, self.index, axis=self.axis)[self.part])


def case_view(image: Voxels, truth: Classes, prediction: Classes, grid: Grid, task: Task) -> CaseView:
    """Bring what is drawn of a case onto the network's grid, as each of its voxels finds it in the original.

    Parameters
    ----------
    image : numpy.ndarray
        x, y, z in [0, 1], on the network's grid.
    truth, prediction : numpy.ndarray
        x, y, z, uint8, classes on the original grid; the truth is 255 where nothing counts.
    grid : Grid
        Of the case.
    task : Task
        Whose regions are outlined.
    """
    seen_truth, seen_prediction = look_up(truth, grid), look_up(prediction, grid)
    counted = seen_truth != IGNORED
    values = [task.region_values(region) for region in task.regions]
    x_mm, y_mm, z_mm = np.linalg.norm(grid.network_affine[:3, :3], axis=0).tolist()
    return CaseView(
        image=image,
        truth=tuple(np.isin(seen_truth, known) for known in values),
        prediction=tuple(np.isin(seen_prediction, known) & counted for known in values),
        spacing_mm=(x_mm, y_mm, z_mm),
    )


def look_up(classes: Classes, grid: Grid) -> Classes:
    """Return for each voxel of the network's grid the original's value where its middle lies."""
    parts = zip(grid.field_start, grid.field_shape, grid.resampled_shape, grid.crop_box, strict=True)
    places = [
        start + ((np.arange(part.start, part.stop) + 0.5) * size / new_size).astype(int)
        for start, size, new_size, part in parts
    ]
    return np.asarray(grid.turn_to_ras(classes)[np.ix_(*places)])


def case_picture(view: CaseView, *, title: Sequence[str]) -> Image.Image:
    """Draw a case: a row for each plane, whole and around the largest lesion, there with and without outlines.

    The planes are those that cut most of the truth's largest component (:func:`largest_lesion`). Voxels are drawn in
    their true proportions. The truth's outline is solid, the prediction's dashed and drawn over it, so that they are
    told apart without their colours.

    Parameters
    ----------
    view : CaseView
        Of the case.
    title : sequence of str
        Lines above the picture.
    """
    lesion = largest_lesion(view)
    voxel, box = largest_extent(lesion), _surroundings(lesion, view.spacing_mm)
    rows = []
    for name, (axis, sides) in PLANES.items():
        index, others = voxel[axis], [other for other in range(3) if other != axis]
        whole = _cut(axis, index, (slice(0, lesion.shape[others[0]]), slice(0, lesion.shape[others[1]])), view)
        near = _cut(axis, index, (box[others[0]], box[others[1]]), view)
        cells = [
            _outline(_plane(view, whole), view, whole),
            _plane(view, near),
            _outline(_plane(view, near), view, near),
        ]
        _frame(cells[0], near, whole, view)
        rows.append(([name, sides, f"{index + 1} of {lesion.shape[axis]}"], cells))
    return _lay_out(rows, title)


def largest_lesion(view: CaseView) -> Mask:
    """Return the largest connected component of the truth; of the prediction where there is no truth.

    Regions are taken together. Where nothing is marked at all it is the whole image.
    """
    for masks in (view.truth, view.prediction):
        numbers, count = ndimage.label(np.logical_or.reduce(masks), structure=np.ones((3, 3, 3)))
        if count:
            return np.asarray(numbers == 1 + np.bincount(numbers.ravel())[1:].argmax())
    return np.ones(view.image.shape, dtype=bool)


def largest_extent(mask: Mask) -> tuple[int, int, int]:
    """Return the planes across x, y and z that cut most of a mask; of several the middle one."""
    areas = [mask.sum(axis=tuple(other for other in range(3) if other != axis)) for axis in range(3)]
    best = [np.flatnonzero(area == area.max()) for area in areas]
    x, y, z = (int(planes[len(planes) // 2]) for planes in best)
    return x, y, z


def _surroundings(lesion: Mask, spacing_mm: tuple[float, float, float]) -> tuple[slice, ...]:
    """Return a cube of millimetres around a lesion, as far as the image goes."""
    lesion_box = box_of(lesion, above=False)
    longest_mm = max((part.stop - part.start) * step for part, step in zip(lesion_box, spacing_mm, strict=True))
    side_mm = max(_ZOOM_MM, longest_mm + 2 * _ZOOM_MARGIN_MM)
    sizes = [min(n, round(side_mm / step)) for n, step in zip(lesion.shape, spacing_mm, strict=True)]
    middles = [(part.start + part.stop) // 2 for part in lesion_box]
    starts = [
        min(max(middle - size // 2, 0), n - size) for middle, size, n in zip(middles, sizes, lesion.shape, strict=True)
    ]
    return tuple(slice(start, start + size) for start, size in zip(starts, sizes, strict=True))


def _cut(axis: int, index: int, part: tuple[slice, slice], view: CaseView) -> _Cut:
    sides_mm = [(along.stop - along.start) * step for along, step in zip(part, _steps_mm(view, axis), strict=True)]
    return _Cut(axis, index, part, _CELL_PIXELS / max(sides_mm))


def _steps_mm(view: CaseView, axis: int) -> tuple[float, float]:
    first, second = (step for other, step in enumerate(view.spacing_mm) if other != axis)
    return first, second


def _plane(view: CaseView, cut: _Cut) -> Image.Image:
    """Return a part of a plane of the image in grey, enlarged."""
    values = cut.of(view.image)
    sides_mm = np.multiply(values.shape, _steps_mm(view, cut.axis))
    width, height = (max(1, round(side * cut.pixels_per_mm)) for side in sides_mm.tolist())
    grey = Image.fromarray(_turned(np.round(values.clip(0, 1) * 255).astype(np.uint8)))
    return grey.resize((width, height), Image.Resampling.NEAREST)


def _turned(plane: Planar) -> Planar:
    # The first axis runs right and the second up; rows of a picture run down.
    return np.ascontiguousarray(plane.T[::-1])


def _outline(plain: Image.Image, view: CaseView, cut: _Cut) -> Image.Image:
    coloured = plain.convert("RGB")
    draw = ImageDraw.Draw(coloured)
    for mask in view.truth:
        for points in _contours(cut.of(mask), plain.size):
            _draw_line(draw, points, TRUTH_COLOUR)
    for mask in view.prediction:
        for points in _contours(cut.of(mask), plain.size):
            for dash in dashes(points, length_pixels=_DASH_PIXELS):
                _draw_line(draw, dash, PREDICTION_COLOUR)
    return coloured


def _draw_line(draw: ImageDraw.ImageDraw, points: Points, colour: tuple[int, int, int]) -> None:
    """Draw a line with dark edges, so that it shows on white too."""
    pairs = [(float(x), float(y)) for x, y in points]
    draw.line(pairs, fill=_EDGE, width=_OUTLINE_PIXELS + 2)
    draw.line(pairs, fill=colour, width=_OUTLINE_PIXELS)


def _frame(picture: Image.Image, near: _Cut, whole: _Cut, view: CaseView) -> None:
    """Mark on a whole plane the part of it that is shown larger."""
    across, up = np.multiply(_steps_mm(view, whole.axis), whole.pixels_per_mm).tolist()
    left, right = near.part[0].start * across, near.part[0].stop * across - 1
    top, foot = picture.height - near.part[1].stop * up, picture.height - near.part[1].start * up - 1
    ImageDraw.Draw(picture).rectangle((left, top, right, foot), outline=_FAINT)


def _contours(plane: Mask, size: tuple[int, int]) -> list[Points]:
    """Return the outlines of an enlarged mask, along the edges of its voxels: x and y of each point, in order."""
    enlarged = Image.fromarray(_turned(plane)).resize(size, Image.Resampling.NEAREST)
    # A mask that reaches the image's end is outlined there too.
    found = find_contours(np.pad(np.asarray(enlarged, dtype=np.float64), 1), 0.5)
    return [points[:, ::-1] - 1 for points in found]


def dashes(points: Points, *, length_pixels: float) -> Iterator[Points]:
    """Yield every other piece of a line, cut where its length passes the next multiple of a dash's.

    Parameters
    ----------
    points : numpy.ndarray
        (N, 2), in order.
    length_pixels : float
        Of a dash, and of the gap after it.
    """
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    number = (np.r_[0.0, np.cumsum(steps)] // length_pixels).astype(int)
    cuts = np.flatnonzero(np.diff(number)) + 1
    for place, piece in enumerate(np.split(points, cuts)):
        if place % 2 == 0 and len(piece) > 1:
            yield piece


def _lay_out(rows: list[tuple[list[str], list[Image.Image]]], title: Sequence[str]) -> Image.Image:
    """Put the planes into a grid of square cells, with their names at the left and the columns' above."""
    step = _CELL_PIXELS + _GAP_PIXELS
    top = _LINE_PIXELS * (len(title) + 1) + _GAP_PIXELS
    canvas = Image.new(
        "RGB", (_MARGIN_PIXELS + len(_COLUMNS) * step, top + len(rows) * step + _LINE_PIXELS + _GAP_PIXELS), _PAPER
    )
    write = partial(ImageDraw.Draw(canvas).text, font=ImageFont.load_default(_TEXT_PIXELS))
    for number, line in enumerate(title):
        write((_GAP_PIXELS, 3 + number * _LINE_PIXELS), line, fill=_INK)
    for number, name in enumerate(_COLUMNS):
        write((_MARGIN_PIXELS + number * step, top - _LINE_PIXELS), name, fill=_INK)
    for row, (labels, cells) in enumerate(rows):
        upper = top + row * step
        for number, label in enumerate(labels):
            middle = upper + _CELL_PIXELS // 2 + (number - 1) * _LINE_PIXELS
            write((_GAP_PIXELS, middle), label, fill=_FAINT if number else _INK)
        for number, cell in enumerate(cells):
            inset = [(_CELL_PIXELS - side) // 2 for side in cell.size]
            canvas.paste(cell, (_MARGIN_PIXELS + number * step + inset[0], upper + inset[1]))
    _write_legend(canvas)
    return canvas


def _write_legend(canvas: Image.Image) -> None:
    """Show the two outlines and name them at the foot of the picture."""
    draw = ImageDraw.Draw(canvas)
    font = ImageFont.load_default(_TEXT_PIXELS)
    foot, left = canvas.height - _LINE_PIXELS, _GAP_PIXELS
    middle = foot + _LINE_PIXELS // 2 - 2
    for name, colour in (("truth", TRUTH_COLOUR), ("prediction", PREDICTION_COLOUR)):
        sample = np.array([(left + step, middle) for step in range(_SAMPLE_PIXELS)], dtype=np.float64)
        pieces = [sample] if name == "truth" else dashes(sample, length_pixels=_DASH_PIXELS)
        for piece in pieces:
            _draw_line(draw, piece, colour)
        draw.text((left + _SAMPLE_PIXELS + _GAP_PIXELS, foot), name, fill=_INK, font=font)
        left += _SAMPLE_PIXELS + 3 * _GAP_PIXELS + round(draw.textlength(name, font=font))
