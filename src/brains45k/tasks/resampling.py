"""Linear resampling of class scores and of label maps: separable, class by class, and a slab at a time."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
from scipy import sparse

from brains45k.volume.resampling import nearest_indices

#: The linear map of one axis: new voxels by old ones, each row a weighted mean.
Weights = sparse.csr_array

#: Gives one class's scores in a slab along the first axis, float32.
Channel = Callable[[int, slice], npt.NDArray[np.float32]]

# Rows of the result along its first axis that are computed together: what lies between is as large as they are.
_SLAB_ROWS = 16
_NEGLIGIBLE_WEIGHT = 1e-7


def linear_weights(size: int, new_size: int, *, rows: slice, columns: slice) -> Weights:
    """Return the matrix that resamples a part of one axis linearly, the edges of the field of view aligned.

    Beyond the columns that there are, the last of them goes on.

    Parameters
    ----------
    size, new_size : int
        Of the whole axis, before and after.
    rows : slice
        The new voxels that are wanted.
    columns : slice
        The old voxels that there are.

    Returns
    -------
    scipy.sparse.csr_array
        float32; the weights of each row sum to 1.

    Examples
    --------
    >>> linear_weights(2, 4, rows=slice(0, 4), columns=slice(0, 2)).toarray().tolist()
    [[1.0, 0.0], [0.75, 0.25], [0.25, 0.75], [0.0, 1.0]]
    """
    return _triangles(size, new_size, rows=rows, columns=columns, reach_voxels=1.0)


def label_weights(size: int, new_size: int, *, rows: slice) -> Weights:
    """Return the matrix that resamples an axis of a label: nothing is lost where it grows, all counts where it shrinks.

    An axis that grows takes the nearest old voxel, which is the way that leads back exactly: linear weights would
    wipe out a lesion of one voxel. One that shrinks is linear, and wide enough to pass no old voxel over.

    Parameters
    ----------
    size, new_size : int
        Of the whole axis, before and after.
    rows : slice
        The new voxels that are wanted.

    Examples
    --------
    >>> label_weights(2, 4, rows=slice(0, 4)).toarray().tolist()
    [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]
    """
    if new_size > size:
        nearest = nearest_indices(size, new_size)[rows]
        parts = (np.ones(len(nearest), np.float32), nearest, np.arange(len(nearest) + 1))
        return sparse.csr_array(parts, shape=(len(nearest), size))
    reach_voxels = max(1.0, size / new_size / 2)
    return _triangles(size, new_size, rows=rows, columns=slice(0, size), reach_voxels=reach_voxels)


def _triangles(size: int, new_size: int, *, rows: slice, columns: slice, reach_voxels: float) -> Weights:
    """Weigh old voxels by a triangle around each new one, which ends at a distance in old voxels."""
    places = (np.arange(rows.start, rows.stop) + 0.5) * (size / new_size) - 0.5
    # What lies outside looks at the nearest voxel that there is.
    places = np.clip(places, columns.start, columns.stop - 1)
    distance_voxels = np.abs(places[:, None] - np.arange(columns.start, columns.stop))
    weights = np.maximum(0, 1 - distance_voxels / reach_voxels)
    weights[weights < _NEGLIGIBLE_WEIGHT] = 0
    weights /= weights.sum(axis=1, keepdims=True)
    return sparse.csr_array(weights.astype(np.float32))


def winning_class(channel: Channel, count: int, axes: Sequence[Weights]) -> npt.NDArray[np.uint8]:
    """Resample each class's scores and return the class that scores highest in each new voxel.

    Of equal scores the lower class wins. Memory holds the result, and a few slabs of it in float32.

    Parameters
    ----------
    channel : callable
        Gives the scores of a class in a slab of old voxels along x.
    count : int
        Number of classes.
    axes : sequence of scipy.sparse.csr_array
        The matrix of each axis, from :func:`linear_weights`.

    Returns
    -------
    numpy.ndarray
        x, y, z, uint8: numbers of classes, from 0.
    """
    along_x, along_y, along_z = axes
    winner = np.zeros((along_x.shape[0], along_y.shape[0], along_z.shape[0]), np.uint8)
    for rows, band, block in _slabs(along_x):
        best = _resampled(channel(0, band), (block, along_y, along_z))
        for number in range(1, count):
            scores = _resampled(channel(number, band), (block, along_y, along_z))
            higher = scores > best
            winner[rows][higher] = number
            np.maximum(best, scores, out=best)
    return winner


def _resampled(data: npt.NDArray[np.float32], axes: Sequence[Weights]) -> npt.NDArray[np.float32]:
    for axis, weights in enumerate(axes):
        lines = np.moveaxis(data, axis, 0)
        new_lines = weights @ np.ascontiguousarray(lines).reshape(len(lines), -1)
        data = np.moveaxis(new_lines.reshape(-1, *lines.shape[1:]), 0, axis)
    return data


def _slabs(weights: Weights) -> Iterator[tuple[slice, slice, Weights]]:
    """Cut a matrix into blocks of rows, each with the band of columns that it needs."""
    for first in range(0, weights.shape[0], _SLAB_ROWS):
        rows = slice(first, min(first + _SLAB_ROWS, weights.shape[0]))
        block = weights[rows]
        used = np.unique(block.indices)
        band = slice(int(used[0]), int(used[-1]) + 1)
        yield rows, band, sparse.csr_array(block[:, band])
