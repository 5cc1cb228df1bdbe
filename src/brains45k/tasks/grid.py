"""How the grid that a network sees lies in an image's own, and the way back for what the network says.

Stored grid -> RAS (axes flipped and permuted) -> a part of it -> resampled to isotropic voxels -> a part of that.
Nothing of this is approximate: the edges of the field of view stay where they are, and each step has its inverse.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import nibabel
import numpy as np
import numpy.typing as npt

from brains45k.tasks.resampling import Weights, linear_weights, winning_class
from brains45k.volume.box import Box, moved
from brains45k.volume.volume import Affine, Shape

_RAS = nibabel.orientations.axcodes2ornt("RAS")

Classes = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Grid:
    """An image's grid, and the network's in it.

    Attributes
    ----------
    shape : tuple of int
        Of the original image as stored.
    affine : numpy.ndarray
        4 x 4, stored voxel index to RAS millimetres.
    spacing_mm : tuple of float
        Along the axes of the original image as stored.
    field_start, field_shape : tuple of int
        The part of the image in RAS that was resampled, in its voxels.
    resampled_shape : tuple of int
        Of that part afterwards.
    crop_start, crop_shape : tuple of int
        The part of that which the network sees.
    """

    shape: Shape
    affine: Affine
    spacing_mm: tuple[float, float, float]
    field_start: Shape
    field_shape: Shape
    resampled_shape: Shape
    crop_start: Shape
    crop_shape: Shape

    def to_json(self) -> dict[str, Any]:
        """Return the grid as plain values."""
        shapes = {name: list(getattr(self, name)) for name in _SHAPES}
        return shapes | {"affine": self.affine.tolist(), "spacing_mm": list(self.spacing_mm)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Grid":
        """Rebuild a grid from what :meth:`to_json` gave."""
        shapes = {name: tuple(document[name]) for name in _SHAPES}
        affine, spacing = np.array(document["affine"], np.float64), tuple(document["spacing_mm"])
        return cls(**shapes, affine=affine, spacing_mm=spacing)

    @property
    def network_affine(self) -> Affine:
        """The affine of the grid that the network sees: 4 x 4, voxel index to RAS millimetres."""
        turn = nibabel.orientations.inv_ornt_aff(self._to_ras, self.shape)
        factor = np.array(self.field_shape) / np.array(self.resampled_shape)
        step = np.diag([*factor, 1.0])
        step[:3, 3] = (factor - 1) / 2
        return moved(moved(self.affine @ turn, self.field_start) @ step, self.crop_start)

    def turn_to_ras(self, stored: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Flip and permute an array on the stored grid into RAS; a view."""
        return np.asarray(nibabel.orientations.apply_orientation(stored, self._to_ras))

    def turn_to_stored(self, turned: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Undo :meth:`turn_to_ras`; a view."""
        back = nibabel.orientations.ornt_transform(_RAS, nibabel.orientations.io_orientation(self.affine))
        return np.asarray(nibabel.orientations.apply_orientation(turned, back))

    @property
    def field_box(self) -> Box:
        """The part of the image in RAS that was resampled."""
        return _box(self.field_start, self.field_shape)

    @property
    def crop_box(self) -> Box:
        """The part of the resampled grid that the network sees."""
        return _box(self.crop_start, self.crop_shape)

    @property
    def seen_box(self) -> Box:
        """The voxels of the field whose centres lie in what the network sees; all others are background."""
        parts = [
            _seen(size, new_size, part)
            for size, new_size, part in zip(self.field_shape, self.resampled_shape, self.crop_box, strict=True)
        ]
        return parts[0], parts[1], parts[2]

    @cached_property
    def _to_ras(self) -> npt.NDArray[np.float64]:
        stored = nibabel.orientations.io_orientation(self.affine)
        return np.asarray(nibabel.orientations.ornt_transform(stored, _RAS))


_SHAPES = ("shape", "field_start", "field_shape", "resampled_shape", "crop_start", "crop_shape")


def restore_classes(scores: npt.NDArray[np.float32], grid: Grid) -> Classes:
    """Bring a network's scores onto the original grid, and take the class that scores highest.

    Scores are resampled linearly, class by class; of equal scores the lower class wins. What the network did not see
    is background.

    Parameters
    ----------
    scores : numpy.ndarray
        class, x, y, z, float32, on the network's grid: logits or probabilities. It may be mapped from a file.
    grid : Grid
        Of the image.

    Returns
    -------
    numpy.ndarray
        uint8, of the original image's shape, in the order of storage.

    Raises
    ------
    ValueError
        If the scores do not lie on the network's grid.
    """
    if scores.shape[1:] != grid.crop_shape:
        msg = f"scores of shape {scores.shape[1:]} do not lie on a grid of {grid.crop_shape}"
        raise ValueError(msg)

    def channel(number: int, band: slice) -> npt.NDArray[np.float32]:
        return np.asarray(scores[number, band], np.float32)

    seen = grid.seen_box
    field = np.zeros(grid.field_shape, np.uint8)
    field[seen] = winning_class(channel, len(scores), _weights_back(grid, seen))
    turned = np.zeros(_ras_shape(grid), np.uint8)
    turned[grid.field_box] = field
    return np.ascontiguousarray(grid.turn_to_stored(turned))


def _weights_back(grid: Grid, seen: Box) -> list[Weights]:
    return [
        linear_weights(new_size, size, rows=rows, columns=columns)
        for size, new_size, rows, columns in zip(
            grid.field_shape, grid.resampled_shape, seen, grid.crop_box, strict=True
        )
    ]


def _ras_shape(grid: Grid) -> Shape:
    order = np.argsort(nibabel.orientations.io_orientation(grid.affine)[:, 0])
    x, y, z = (grid.shape[axis] for axis in order)
    return x, y, z


def _seen(size: int, new_size: int, part: slice) -> slice:
    """Return the old voxels whose centres lie in a part of the new ones; in whole numbers, so that none is rounded."""
    start, stop = (-(-(2 * edge * size - new_size) // (2 * new_size)) for edge in (part.start, part.stop))
    if start >= stop:
        # The part lies between two centres: the voxel around its middle is what the network saw.
        start = (part.start + part.stop) * size // (2 * new_size)
        stop = start + 1
    return slice(start, stop)


def _box(start: Shape, shape: Shape) -> Box:
    x, y, z = (slice(first, first + size) for first, size in zip(start, shape, strict=True))
    return x, y, z
