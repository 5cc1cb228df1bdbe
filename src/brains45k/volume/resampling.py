"""Cubic resampling with anti-aliasing as one small matrix per axis.

The definition is scikit-image's ``resize(order=3)``, which Yucca used for BRAINS-45K: a Gaussian of sigma
(factor - 1) / 2 where an axis shrinks, then a cubic B-spline, edges of the field of view aligned, mirrored
at the border. All of that is linear and separable, so that SciPy applied to the unit vectors of an axis
gives the whole operator as a matrix, and three products with small matrices replace the filters.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from brains45k.volume.volume import Voxels

Matrix = npt.NDArray[np.float64]
Weights = npt.NDArray[np.float32]

# Far tails of the spline: nothing in float32 feels them, and without them the matrix is a narrow band.
_NEGLIGIBLE_WEIGHT = 1e-9
# Rows of a matrix that are applied together: more would read zeros beside the band, fewer would keep BLAS idle.
_BLOCK_ROWS = 16
# Lines along the last axis that are resampled together: what they need and what they give stays in the cache.
_BLOCK_LINES = 1024


def resample_axes(
    data: Voxels,
    shape: Sequence[int],
    *,
    field_shape: Sequence[int] | None = None,
    start: Sequence[int] = (0, 0, 0),
    rows: Sequence[slice] | None = None,
    outside: float = 0.0,
) -> Voxels:
    """Resample a field of view to another shape.

    Parameters
    ----------
    data : numpy.ndarray
        x, y, z, float32: the whole field, or a part of it.
    shape : sequence of int
        The size of the whole field afterwards.
    field_shape, start : sequence of int, optional
        The size of the whole field, and the voxel of it at which ``data`` begins.
    rows : sequence of slice, optional
        The part of the result that is wanted along each axis; all by default.
    outside : float
        The value of all voxels of the field outside ``data``.

    Returns
    -------
    numpy.ndarray
        float32 and C-contiguous; not clipped to the range of ``data``. The same array where nothing changes.
    """
    sizes = list(data.shape if field_shape is None else field_shape)
    wanted = [slice(0, size) for size in shape] if rows is None else rows
    changing = [axis for axis in range(data.ndim) if shape[axis] != sizes[axis]]
    # Each row of a matrix sums to 1: what is constant outside adds nothing once it has been subtracted.
    shift = np.float32(outside) if changing and sizes != list(data.shape) else np.float32(0)
    if shift:
        data = data - shift
    # Axes that shrink most go first: what follows has less to do.
    for axis in sorted(changing, key=lambda axis: shape[axis] / sizes[axis]):
        columns = slice(start[axis], start[axis] + data.shape[axis])
        weights = axis_matrix(sizes[axis], shape[axis])[wanted[axis], columns]
        data = _apply(weights.astype(np.float32), data, axis)
    if shift:
        data += shift
    return np.ascontiguousarray(data)


@lru_cache(maxsize=64)
def axis_matrix(size: int, new_size: int) -> Matrix:
    """Return the ``new_size`` x ``size`` matrix that resamples one axis (float64).

    >>> bool(np.allclose(axis_matrix(10, 15).sum(axis=1), 1))
    True
    """
    from scipy import ndimage  # noqa: PLC0415 - slow to import, and readers of the corpus never resample

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
    # In whole numbers: a centre on the edge between two voxels belongs to the higher, whatever rounding does.
    return (2 * np.arange(new_size) + 1) * size // (2 * new_size)


def _apply(weights: Weights, data: Voxels, axis: int) -> Voxels:
    """Multiply along one axis, block by block, reading just the voxels that a block's band needs."""
    result = np.empty((*data.shape[:axis], len(weights), *data.shape[axis + 1 :]), np.float32)
    blocks = list(_band_blocks(weights))
    if axis == data.ndim - 1:
        lines, new_lines = data.reshape(-1, data.shape[axis]), result.reshape(-1, len(weights))
        for first in range(0, len(lines), _BLOCK_LINES):
            some = slice(first, first + _BLOCK_LINES)
            for rows, band, block in blocks:
                np.matmul(lines[some, band], block.T, out=new_lines[some, rows])
    elif axis == 0:
        flat, new_flat = data.reshape(len(data), -1), result.reshape(len(weights), -1)
        for rows, band, block in blocks:
            np.matmul(block, flat[band], out=new_flat[rows])
    else:
        for slab, new_slab in zip(data, result, strict=True):
            for rows, band, block in blocks:
                np.matmul(block, slab[band], out=new_slab[rows])
    return result


def _band_blocks(weights: Weights) -> Iterator[tuple[slice, slice, Weights]]:
    """Cut a banded matrix into dense blocks: its rows, the columns that these need, and the weights."""
    for first in range(0, len(weights), _BLOCK_ROWS):
        rows = slice(first, first + _BLOCK_ROWS)
        used = np.flatnonzero(weights[rows].any(axis=0))
        band = slice(int(used[0]), int(used[-1]) + 1) if used.size else slice(0, 1)
        yield rows, band, np.ascontiguousarray(weights[rows, band])
