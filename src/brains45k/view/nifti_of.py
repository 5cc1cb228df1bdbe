"""Stored levels as a NIfTI file: nothing is converted, the header says what a level is worth."""

from collections.abc import Sequence

import nibabel
import numpy as np

from brains45k.corpus.chunks import SCALE
from brains45k.view.levels import Levels

# Behind the header, before the voxels: there are no extensions.
_NO_EXTENSIONS = bytes(4)


def nifti_of(levels: Levels, affine: Sequence[float]) -> list[memoryview]:
    """Return the parts of a ``.nii`` file whose voxels are 0 to 1.

    Parameters
    ----------
    levels : numpy.ndarray
        x, y, z, uint16, 0 to 4,095; copied only where x is not fastest in memory.
    affine : sequence of float
        From voxel index to RAS mm, 16 values row by row.
    """
    image = nibabel.Nifti1Image(levels, np.asarray(affine, np.float64).reshape(4, 4))
    header = image.header
    header.set_xyzt_units("mm")
    header.set_slope_inter(SCALE, 0)
    header["magic"] = b"n+1"
    header["vox_offset"] = len(header.binaryblock) + len(_NO_EXTENSIONS)
    # The window that a viewer opens with.
    header["cal_min"], header["cal_max"] = 0, 1
    voxels = np.ascontiguousarray(levels.T).data.cast("B")
    return [memoryview(header.binaryblock), memoryview(_NO_EXTENSIONS), voxels]
