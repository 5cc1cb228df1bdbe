"""Cubic resampling with anti-aliasing as one small matrix per axis.

The definition is scikit-image's ``resize(order=3)``, which Yucca used for BRAINS-45K: a Gaussian of sigma
(factor - 1) / 2 where an axis shrinks, then a cubic B-spline, edges of the field of view aligned, mirrored
at the border. All of that is linear and separable, so that SciPy applied to the unit vectors of an axis
gives the whole operator as a matrix, and three products with small matrices replace the filters.
"""

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from brains45k.volume.volume import Voxels

Matrix = npt.NDArray[np.float64]

# Far tails of the spline: nothing in float32 feels them, and without them the matrix is a narrow band.
_NEGLIGIBLE_WEIGHT = 1e-9
_BLOCK_ROWS = 32


def resample_axes(data: Voxels, shape: tuple[int, ...]) -> Voxels:
    """Resample an array to another shape over the same field of view.

    Parameters
    ----------
    data : numpy.ndarray
        x, y, z, float32.
    shape : tuple of int
        The size along each axis afterwards.

    Returns
    -------
    numpy.ndarray
        float32 and C-contiguous; not clipped to the range of ``data``.
    """
    # Axes that shrink most go first: what follows has less to do.
    for axis in sorted(range(data.ndim), key=lambda axis: shape[axis] / data.shape[axis]):
        if shape[axis] != data.shape[axis]:
            data = _apply(axis_matrix(data.shape[axis], shape[axis]), data, axis)
    return np.ascontiguousarray(data)


@lru_cache(maxsize=64)
def axis_matrix(size: int, new_size: int) -> Matrix:
    """Return the ``new_size`` x ``size`` matrix that resamples one axis (float64).

    >>> bool(np.allclose(axis_matrix(10, 15).sum(axis=1), 1))
    True
    """
    basis = np.eye(size)
    sigma_voxels = (size / new_size - 1) / 2
    if sigma_voxels > 0:
        basis = ndimage.gaussian_filter1d(basis, sigma_voxels, axis=0, mode="mirror")
    matrix = np.empty((new_size, size))
    ndimage.zoom(basis, (new_size / size, 1), output=matrix, order=3, mode="mirror", grid_mode=True)
    matrix[np.abs(matrix) < _NEGLIGIBLE_WEIGHT] = 0
    matrix.setflags(write=False)
    return matrix


def nearest_indices(size: int, new_size: int) -> npt.NDArray[np.intp]:
    """Return, for each new voxel of an axis, the old voxel in which its centre lies.

    >>> nearest_indices(4, 2).tolist(), nearest_indices(2, 4).tolist()
    ([1, 3], [0, 0, 1, 1])
    """
    centres = (np.arange(new_size) + 0.5) * (size / new_size)
    return np.minimum(centres.astype(np.intp), size - 1)


def _apply(matrix: Matrix, data: Voxels, axis: int) -> Voxels:
    """Multiply along one axis, block by block, reading just the voxels that a block's band needs."""
    weights = matrix.astype(np.float32)
    shape = (*data.shape[:axis], len(weights), *data.shape[axis + 1 :])
    result = np.empty(shape, dtype=np.float32)
    for start in range(0, len(weights), _BLOCK_ROWS):
        rows = slice(start, start + _BLOCK_ROWS)
        used = np.flatnonzero(weights[rows].any(axis=0))
        band = slice(int(used[0]), int(used[-1]) + 1)
        block = np.ascontiguousarray(weights[rows, band])
        if axis == data.ndim - 1:
            result[..., rows] = data[..., band] @ block.T
        elif axis == 0:
            flat = data[band].reshape(block.shape[1], -1)
            np.matmul(block, flat, out=result[rows].reshape(block.shape[0], -1))
        else:
            result[:, rows] = np.matmul(block, data[:, band])
    return result
