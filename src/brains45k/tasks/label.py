"""Labels: read by the same reader as images, judged, and brought onto the network's grid without inventing classes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from brains45k.codes import Code
from brains45k.tasks.grid import Classes, Grid
from brains45k.tasks.resampling import label_weights, winning_class
from brains45k.tasks.task import Task
from brains45k.volume.header import SPATIAL_AXES
from brains45k.volume.image import Image, Intensities
from brains45k.volume.read import Opened, open_volume
from brains45k.volume.refusal import RefusalError
from brains45k.volume.volume import Affine

# What a writer of floats may do to a whole number.
_ROUNDING = 1e-3
#: Grids whose corners lie no further apart are one: affines of files that belong together differ by rounding.
MAX_CORNER_VOXELS = 0.1
# Values that a task may name: those of uint16.
_VALUES = 1 << 16
# What background counts beside a class: less by more than rounding, so that it does not win where both are level.
_LEVEL_BACKGROUND = np.float32(1 - 1e-5)
_SHOWN_VALUES = 5


@dataclass(frozen=True, slots=True, eq=False)
class Label:
    """A label on the grid of its file.

    Attributes
    ----------
    classes : numpy.ndarray
        x, y, z in the order of storage, uint8: 0 is background, then the task's classes;
        :data:`brains45k.tasks.task.IGNORED` where the task ignores what is marked.
    affine : numpy.ndarray
        4 x 4, voxel index to RAS millimetres.
    spacing_mm : tuple of float
        Along the axes of the voxels.
    sha256 : str
        Digest of the file.
    """

    classes: Classes
    affine: Affine
    spacing_mm: tuple[float, float, float]
    sha256: str


def read_label(path: Path, task: Task) -> Label:
    """Read a label file and turn its values into the task's classes.

    Raises
    ------
    RefusalError
        If the file is damaged, not 3-D (``E_4D``), or holds a value that the task does not know
        (``E_LABEL_VALUES``); an empty mask is a label like any other.
    """
    opened = open_volume(path)
    try:
        classes = _classes_of(opened, task)
    except RefusalError as refusal:
        refusal.sha256 = opened.sha256
        raise
    return Label(classes, opened.header.affine, opened.header.spacing_mm, opened.sha256)


def require_same_grid(label: Label, image: Image) -> None:
    """Refuse a label that does not lie on an image's grid.

    Raises
    ------
    RefusalError
        ``E_LABEL_GRID``.
    """
    shape = image.intensities.stored.shape
    if label.classes.shape != shape:
        raise RefusalError(Code.E_LABEL_GRID, f"label {label.classes.shape}, image {shape}")
    apart = corner_distance_voxels(label.affine, image.affine, shape)
    if apart > MAX_CORNER_VOXELS:
        raise RefusalError(Code.E_LABEL_GRID, f"corners lie up to {apart:.2g} voxels apart")


def is_same_grid(first: Image, second: Image) -> bool:
    """Tell whether two images lie on one grid, but for rounding of the affines."""
    shapes = first.intensities.stored.shape, second.intensities.stored.shape
    if shapes[0] != shapes[1]:
        return False
    return corner_distance_voxels(first.affine, second.affine, shapes[0]) <= MAX_CORNER_VOXELS


def corner_distance_voxels(first: Affine, second: Affine, shape: tuple[int, ...]) -> float:
    """Return how far two affines put a grid's corners apart at most, along any axis, in voxels of the second."""
    corners = np.array([*np.ndindex(2, 2, 2)]) * (np.array(shape) - 1)
    places = np.linalg.solve(second, first @ np.c_[corners, np.ones(len(corners))].T)
    return float(np.abs(places[:3].T - corners).max())


def resample_label(classes: Classes, grid: Grid) -> Classes:
    """Bring a label onto the grid that the network sees.

    Each value's indicator is resampled, by the nearest voxel along axes that grow and linearly along those that
    shrink, and the value whose indicator is largest wins; so no value appears that was not there. Where background
    and a class are level, the class wins. Of the ways that were tried on real lesions, this one leads back best.

    Parameters
    ----------
    classes : numpy.ndarray
        On the original grid as stored, uint8.
    grid : Grid
        Of the image that the label belongs to.

    Returns
    -------
    numpy.ndarray
        x, y, z, uint8, C-contiguous, of shape ``grid.crop_shape``.
    """
    field = grid.turn_to_ras(classes)[grid.field_box]
    values = np.unique(field)

    def indicator(number: int, band: slice) -> npt.NDArray[np.float32]:
        weight = _LEVEL_BACKGROUND if values[number] == 0 else np.float32(1)
        return np.asarray((field[band] == values[number]) * weight, np.float32)

    weights = [
        label_weights(size, new_size, rows=rows)
        for size, new_size, rows in zip(grid.field_shape, grid.resampled_shape, grid.crop_box, strict=True)
    ]
    return np.ascontiguousarray(values[winning_class(indicator, len(values), weights)])


def _classes_of(opened: Opened, task: Task) -> Classes:
    stored, header = opened.stored, opened.header
    if stored.ndim != SPATIAL_AXES:
        raise RefusalError(Code.E_4D, f"shape {stored.shape}")
    values = _whole_numbers(Intensities(stored, header.slope, header.intercept))
    is_found = np.zeros(_VALUES, np.bool_)
    is_found[values] = True
    class_of_value = task.class_of_value()
    unknown = sorted(set(np.flatnonzero(is_found).tolist()) - set(class_of_value))
    if unknown:
        known = ", ".join(str(value) for value in sorted(class_of_value))
        raise RefusalError(Code.E_LABEL_VALUES, f"{_listed(unknown)}; the task knows {known}")
    meaning = np.zeros(_VALUES, np.uint8)
    meaning[list(class_of_value)] = list(class_of_value.values())
    return meaning[values]


def _whole_numbers(values: Intensities) -> npt.NDArray[np.uint16]:
    """Return voxels as whole numbers; refuse those that are none, or that no task can name."""
    scaled: npt.NDArray[np.float32] = values.scale(values.stored)
    with np.errstate(invalid="ignore"):
        whole = np.rint(scaled)
        # Not a number compares as false.
        usable = (np.abs(scaled - whole) <= _ROUNDING) & (whole >= 0) & (whole < _VALUES)
    if not usable.all():
        raise RefusalError(Code.E_LABEL_VALUES, f"{_listed(np.unique(scaled[~usable]).tolist())}; none is a label's")
    return whole.astype(np.uint16)


def _listed(values: Sequence[float]) -> str:
    shown = ", ".join(f"{value:g}" for value in values[:_SHOWN_VALUES])
    more = len(values) - _SHOWN_VALUES
    return f"{shown} and {more} more values" if more > 0 else shown
