"""Operators along one axis of an image, as small matrices: blurring, resampling and filters of k-space alike."""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from brains45k.training.augment.rows import to_device

Matrix = npt.NDArray[np.float64]


def apply_matrix(image: Tensor, matrix: Matrix, axis: int) -> Tensor:
    """Multiply all lines of an image along an axis by a matrix.

    Parameters
    ----------
    image : torch.Tensor
        (x, y, z).
    matrix : numpy.ndarray
        (new, old) for an axis of ``old`` voxels.
    axis : int
        0, 1 or 2.
    """
    weights = to_device(matrix, image.device)
    if axis == 0:
        x, y, z = image.shape
        return torch.mm(weights, image.reshape(x, y * z)).view(-1, y, z)
    if axis == 1:
        return torch.matmul(weights, image)
    return torch.matmul(image, weights.T)
