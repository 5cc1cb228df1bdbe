"""The magnitude of an image whose k-space was weighted along one axis: what ghosts and Gibbs ringing have in common."""

import numpy as np
import numpy.typing as npt
import torch
from scipy.linalg import circulant
from torch import Tensor

from brains45k.training.augment.axes import apply_matrix

Weights = npt.NDArray[np.float64]


def weight_frequencies(image: Tensor, weights: Weights, axis: int) -> Tensor:
    """Weight the frequencies of an axis, and return the magnitude of what becomes of the image.

    The transforms of the other two axes would undo each other. Along one axis, there, weight and back is one circulant
    matrix, which is complex where a frequency and its negative weigh differently.

    Parameters
    ----------
    image : torch.Tensor
        (x, y, z), not negative.
    weights : numpy.ndarray
        One for each frequency of the axis, in the order of NumPy's ``fft``.
    axis : int
        0, 1 or 2.
    """
    kernel = np.fft.ifft(weights)
    real = apply_matrix(image, circulant(kernel.real), axis)
    imaginary = apply_matrix(image, circulant(kernel.imag), axis)
    return real.mul_(real).addcmul_(imaginary, imaginary).sqrt_()


def weight_rows(images: Tensor, weights: list[Weights], axes: list[int]) -> Tensor:
    """Weight the frequencies of each row (n, 1, x, y, z) along an axis of its own."""
    rows = [weight_frequencies(*one) for one in zip(images[:, 0], weights, axes, strict=True)]
    return torch.stack(rows).unsqueeze(1)
