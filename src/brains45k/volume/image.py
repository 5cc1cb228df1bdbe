"""What a file turns into once it is read: an image on its own grid."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from brains45k.volume.blocks import blocks
from brains45k.volume.refusal import Remark


@dataclass(frozen=True, slots=True, eq=False)
class Intensities:
    """Voxels as stored, and the straight line that turns them into intensities.

    A scan of int16 is a quarter of its float32 copy, so that all which can be done on the stored numbers is.

    Attributes
    ----------
    stored : numpy.ndarray
        x, y, z in the order of storage: of a type that float32 holds exactly, or float32 itself.
    slope, intercept : float
        Intensity = stored * slope + intercept.
    """

    stored: npt.NDArray[Any]
    slope: float = 1.0
    intercept: float = 0.0

    def scale(self, stored: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Return the intensities of some stored numbers in a new array, float32."""
        return self.scale_in_place(stored.astype(np.float32))

    def scale_in_place(self, values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Turn stored numbers in a contiguous float32 array of their own into intensities, and return it."""
        # What float32 cannot hold becomes infinite, which is judged as such.
        with np.errstate(over="ignore", invalid="ignore"):
            if self.intercept != 0:
                # In float64, as nibabel does: rounded in between, a background near 0 may change its sign.
                flat = values.ravel(order="K")
                for part in blocks(flat.size):
                    flat[part] = flat[part].astype(np.float64) * self.slope + self.intercept
            elif self.slope != 1:
                values *= np.float32(self.slope)
        if self.slope < 0 or self.stored.dtype.kind == "f":
            # There may be a -0, which is the same intensity as 0 and must give the same digest.
            values += np.float32(0)
        return values

    def rising(self) -> "Intensities":
        """Return the same intensities with a slope above zero: what is smaller in storage is smaller."""
        return self if self.slope > 0 else Intensities(self.scale(self.stored))

    def range(self) -> tuple[float, float]:
        """Return the smallest and the largest intensity; not finite where any voxel is not."""
        with np.errstate(invalid="ignore"):
            ends = np.array([self.stored.min(), self.stored.max()])
        low, high = sorted(self.scale(ends).tolist())
        return low, high


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """A 3-D image as its file states it.

    Attributes
    ----------
    intensities : Intensities
        x, y, z in the order of storage.
    affine : numpy.ndarray
        4 x 4, voxel index to RAS millimetres.
    spacing_mm : tuple of float
        Along the axes of the voxels.
    dtype : str
        Of the voxels in the file.
    remarks : tuple of Remark
        Repairs and flags.
    """

    intensities: Intensities
    affine: npt.NDArray[np.float64]
    spacing_mm: tuple[float, float, float]
    dtype: str = "float32"
    remarks: tuple[Remark, ...] = ()

    @property
    def voxels(self) -> npt.NDArray[np.float32]:
        """The intensities, x, y, z in the order of storage, in a new float32 array."""
        return self.intensities.scale(self.intensities.stored)
