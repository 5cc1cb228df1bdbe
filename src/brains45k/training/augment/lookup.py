"""Read an image at places between its voxels, linearly or by a cubic spline, and a label map by its nearest voxel.

The definition is SciPy's ``map_coordinates`` with ``mode="constant"``. PyTorch's ``grid_sample`` knows no cubic spline
in three dimensions, and takes twice as long on a CPU as the gathers below.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import product

import numpy as np
import torch
from scipy.ndimage import spline_filter1d
from torch import Tensor

from brains45k.training.augment.axes import Matrix, apply_matrix

_LINEAR_TAPS = (0, 1)
_CUBIC_TAPS = (0, 1, 2, 3)
# Places are sums in float32: what lies on the border may come out as far outside, and is not to turn black.
_ROUNDING_VOXELS = 1e-4


def pull_inside(places: Sequence[Tensor], sizes: Sequence[int]) -> Tensor:
    """Move places, in place, to the nearest one inside the image, and tell which ones lay outside.

    Parameters
    ----------
    places : sequence of torch.Tensor
        x, y and z of one shape, in voxels.
    sizes : sequence of int
        Of the image; a place lies inside between the centres of the first and the last voxel.

    Returns
    -------
    torch.Tensor
        bool, of the places' shape.
    """
    outside = torch.zeros_like(places[0], dtype=torch.bool)
    for place, size in zip(places, sizes, strict=True):
        outside.logical_or_(place < -_ROUNDING_VOXELS).logical_or_(place > size - 1 + _ROUNDING_VOXELS)
        place.clamp_(0, size - 1)
    return outside


def read_linear(image: Tensor, places: Sequence[Tensor]) -> Tensor:
    """Return an image's values between its eight nearest voxels.

    Parameters
    ----------
    image : torch.Tensor
        (x, y, z), float32, contiguous, at least 2 voxels along each axis.
    places : sequence of torch.Tensor
        x, y and z of one shape, in voxels, inside the image; they are overwritten.
    """
    index, shares = _split(image, places, sizes=image.shape)
    values = [_take(image, taps, index) for taps in product(_LINEAR_TAPS, repeat=3)]
    # Along z first, whose two taps stand side by side.
    for share in reversed(shares):
        values = [low.lerp_(high, share) for low, high in zip(values[::2], values[1::2], strict=True)]
    return values[0].view(places[0].shape)


def read_cubic(coefficients: Tensor, places: Sequence[Tensor]) -> Tensor:
    """Return the values of a cubic spline; see :func:`read_linear`.

    Parameters
    ----------
    coefficients : torch.Tensor
        (x + 2, y + 2, z + 2), as :func:`spline_coefficients` gives them.
    """
    index, shares = _split(coefficients, places, sizes=[size - 2 for size in coefficients.shape])
    along_x, along_y, along_z = (cubic_weights(share) for share in shares)
    total = torch.zeros_like(shares[0])
    for x, y in product(_CUBIC_TAPS, repeat=2):
        line = torch.zeros_like(total)
        for z in _CUBIC_TAPS:
            line.addcmul_(_take(coefficients, (x, y, z), index), along_z[z])
        total.addcmul_(line.mul_(along_x[x]), along_y[y])
    return total.view(places[0].shape)


def read_nearest(image: Tensor, places: Sequence[Tensor]) -> Tensor:
    """Return the values of the nearest voxels; of two that are as near, those of the higher one, as SciPy does.

    Parameters
    ----------
    image : torch.Tensor
        (x, y, z), of any type, contiguous.
    places : sequence of torch.Tensor
        As for :func:`read_linear`.
    """
    index = torch.zeros_like(places[0], dtype=torch.int32)
    for place, size in zip(places, image.shape, strict=True):
        # Not negative, so that cutting off rounds down.
        index.mul_(size).add_(place.add_(0.5).to(torch.int32))
    return image.view(-1).index_select(0, index.view(-1)).view(places[0].shape)


def spline_coefficients(image: Tensor) -> Tensor:
    """Return the coefficients of the cubic spline through an image's voxels, one more on each side.

    Parameters
    ----------
    image : torch.Tensor
        (x, y, z), float32.
    """
    for axis, size in enumerate(image.shape):
        image = apply_matrix(image, spline_matrix(size), axis)
    return image.contiguous()


@lru_cache(maxsize=8)
def spline_matrix(size: int) -> Matrix:
    """Return what turns an axis's voxels into coefficients, as a matrix (size + 2, size); mirrored at the border."""
    inner = spline_filter1d(np.eye(size), order=3, axis=0, mode="mirror")
    return np.pad(inner, ((1, 1), (0, 0)), mode="reflect")


def cubic_weights(share: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the weights of the four nearest coefficients of an axis.

    Parameters
    ----------
    share : torch.Tensor
        How far a place lies from the second to the third of them, in [0, 1].
    """
    rest = 1 - share
    first, last = rest**3 / 6, share**3 / 6
    second = 2 / 3 - share**2 * (1 - share / 2)
    third = 2 / 3 - rest**2 * (1 - rest / 2)
    return first, second, third, last


def _split(table: Tensor, places: Sequence[Tensor], *, sizes: Sequence[int]) -> tuple[Tensor, list[Tensor]]:
    """Tell each place's first tap as a position in the flat table, and how far it lies behind its lower voxel."""
    index, shares = torch.zeros_like(places[0], dtype=torch.int32), []
    for place, size, length in zip(places, sizes, table.shape, strict=True):
        # The last voxel belongs to the interval before it.
        lower = place.to(torch.int32).clamp_(max=size - 2)
        shares.append(place.sub_(lower).view(-1))
        index.mul_(length).add_(lower)
    return index.view(-1), shares


def _take(table: Tensor, taps: Sequence[int], index: Tensor) -> Tensor:
    """Read the table so many steps behind each place's first tap."""
    offset = sum(tap * step for tap, step in zip(taps, table.stride(), strict=True))
    return table.view(-1)[offset:].index_select(0, index)
