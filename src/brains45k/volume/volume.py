"""The thing that preprocessing steps pass along."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Voxels = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Affine = npt.NDArray[np.float64]
Shape = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Field:
    """The whole grid of an image of which a volume keeps a part; the rest is background.

    Attributes
    ----------
    shape : tuple of int
        In voxels along x, y, z.
    background : float
        The image's smallest intensity, which every voxel outside the part has, or had before it was resampled.
    """

    shape: Shape
    background: float


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """An image on its way through the preprocessing, and at its end.

    Attributes
    ----------
    data : numpy.ndarray
        x, y, z, float32.
    affine : numpy.ndarray
        4 x 4, voxel index to RAS millimetres.
    spacing_mm : tuple of float
        Along the axes of ``data``.
    foreground : numpy.ndarray, optional
        x, y, z, bool, once it has been found.
    crop_start : tuple of int
        Index of the first voxel, in the voxels of the grid that was cropped.
    field : Field, optional
        The grid of which ``data`` is the part that begins at ``crop_start``; None where ``data`` is all there is.
    clip_value : float, optional
        Intensity above which was clipped.
    foreground_mean, foreground_std : float, optional
        After clipping, in the units of the file.
    score_low, score_high : float, optional
        z-scores that became 0 and 1: ``score_low + data * (score_high - score_low)`` gives z-scores again.
    """

    data: Voxels
    affine: Affine
    spacing_mm: tuple[float, float, float]
    foreground: Mask | None = None
    crop_start: Shape = (0, 0, 0)
    field: Field | None = None
    clip_value: float | None = None
    foreground_mean: float | None = None
    foreground_std: float | None = None
    score_low: float | None = None
    score_high: float | None = None

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> npt.NDArray[np.generic]:
        """Let NumPy take a volume where it takes an array."""
        return np.array(self.data, dtype=dtype, copy=copy)

    def take_data(self) -> Voxels:
        """Hand the voxels over and keep none, so that their memory is free once they are used up."""
        data = self.data
        object.__setattr__(self, "data", np.broadcast_to(np.float32(0), data.shape))
        return data

    @property
    def shape(self) -> Shape:
        """Size in voxels along x, y, z."""
        x, y, z = self.data.shape
        return x, y, z

    @property
    def is_trimmed(self) -> bool:
        """Whether a part of the field is left out, which is background."""
        return self.field is not None and self.field.shape != self.shape

    @property
    def background(self) -> float:
        """The smallest intensity of the image."""
        return float(self.data.min()) if self.field is None else self.field.background

    @property
    def foreground_fraction(self) -> float | None:
        """Share of the voxels that are foreground; None where no foreground is known."""
        return None if self.foreground is None else float(np.count_nonzero(self.foreground) / self.foreground.size)
