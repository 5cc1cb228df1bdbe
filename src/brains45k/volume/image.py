"""What a file turns into once it is read: an image on its own grid."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from brains45k.volume.refusal import Remark


@dataclass(frozen=True, slots=True)
class Image:
    """A 3-D image as its file states it.

    Attributes
    ----------
    voxels : numpy.ndarray
        x, y, z in the order of storage, float32, scaled intensities.
    affine : numpy.ndarray
        4 x 4, voxel index to RAS millimetres.
    spacing_mm : tuple of float
        Along the axes of ``voxels``.
    dtype : str
        Of the stored voxels.
    remarks : tuple of Remark
        Repairs and flags.
    """

    voxels: npt.NDArray[np.float32]
    affine: npt.NDArray[np.float64]
    spacing_mm: tuple[float, float, float]
    dtype: str = "float32"
    remarks: tuple[Remark, ...] = ()
