"""Elastic displacement: white noise under a wide Gaussian, drawn on a coarse grid that loses nothing of it.

The definition is Yucca's: at each voxel of the patch a uniform number in [-1, 1], filtered with a Gaussian of 20 to 30
voxels as if there were zeros outside, times a factor; one such field for each axis. A Gaussian that wide sums up
thousands of voxels, so the sum of a cell of 8 x 8 x 8 numbers stands for all of them, and is normal by the central
limit theorem. Both variance and correlation, and the fall of the variance towards the patch's faces, stay the same.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from brains45k.training.augment.axes import Matrix

_CELL_VOXELS = 8
#: Of numbers that are uniform in [-1, 1].
_VARIANCE = 1 / 3
_AXES = 3


@dataclass(frozen=True, slots=True, eq=False)
class Elastic:
    """The displacement of one sample.

    Attributes
    ----------
    cells : numpy.ndarray
        (3, m, m, m): for each axis, what the cells push with, in voxels.
    sigma_voxels : float
        Width of the Gaussian.
    """

    cells: npt.NDArray[np.float64]
    sigma_voxels: float


def draw_elastic(random: np.random.Generator, *, size_voxels: int, sigma_voxels: float, alpha: float) -> Elastic:
    """Draw the noise of a patch of (size, size, size) voxels.

    Parameters
    ----------
    sigma_voxels : float
        Width of the Gaussian; several times the width of a cell.
    alpha : float
        Factor on the filtered noise.
    """
    count = cell_count(size_voxels)
    noise = random.standard_normal((_AXES, count, count, count))
    return Elastic(noise * (alpha * _VARIANCE**0.5), sigma_voxels)


def cell_count(size_voxels: int) -> int:
    """Return the number of cells along an axis."""
    return -(-size_voxels // _CELL_VOXELS)


def cell_weights(size_voxels: int, sigma_voxels: float) -> Matrix:
    """Return what each cell of an axis adds to each voxel, as a matrix (size, cells).

    The sum of a cell of h voxels is as large as the root of h, and lies in the cell's middle.
    """
    count = cell_count(size_voxels)
    width = size_voxels / count
    middles = (np.arange(count) + 0.5) * width - 0.5
    distances = (np.arange(size_voxels)[:, None] - middles) / sigma_voxels
    density = np.exp(-(distances**2) / 2) / (sigma_voxels * np.sqrt(2 * np.pi))
    return np.asarray(density * np.sqrt(width))
