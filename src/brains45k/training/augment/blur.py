"""Blur: a Gaussian filter."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from brains45k.training.augment import draws
from brains45k.training.augment.axes import Matrix, apply_matrix
from brains45k.training.augment.draws import Range
from brains45k.training.augment.rows import clip_to_range
from brains45k.training.augment.transform import Drawn, columns_of


def blur(images: Tensor, *, sigma_voxels: Sequence[float]) -> Tensor:
    """Filter each row with a Gaussian, mirrored at the border (SciPy's ``gaussian_filter``, which Yucca calls).

    Parameters
    ----------
    images : torch.Tensor
        (n, 1, x, y, z), float32.
    sigma_voxels : sequence of float
        Width of each row's Gaussian.
    """
    rows = [_blur_one(image, sigma) for image, sigma in zip(images[:, 0], sigma_voxels, strict=True)]
    return clip_to_range(torch.stack(rows).unsqueeze(1), images)


def _blur_one(image: Tensor, sigma_voxels: float) -> Tensor:
    for axis, size in enumerate(image.shape):
        image = apply_matrix(image, gaussian_matrix(size, sigma_voxels), axis)
    return image


def gaussian_matrix(size: int, sigma_voxels: float) -> Matrix:
    """Return the filter of an axis as a matrix (size, size): what SciPy makes of the axis's unit vectors."""
    return np.asarray(gaussian_filter(np.eye(size), (sigma_voxels, 0)))


@dataclass(frozen=True, slots=True)
class Blur:
    """How often an image is blurred, and how much.

    Attributes
    ----------
    probability, channel_probability : float
        Of a sample, and of its channel once the sample is to be blurred.
    sigma_voxels : tuple of float
        Range of the Gaussian's width.
    """

    probability: float
    channel_probability: float
    sigma_voxels: Range
    name: ClassVar[str] = "blur"

    def draw(self, random: np.random.Generator) -> Drawn | None:
        """Draw one sample's parameters; None leaves it as it is."""
        if not (draws.happens(random, self.probability) and draws.happens(random, self.channel_probability)):
            return None
        return {"sigma_voxels": draws.uniform(random, self.sigma_voxels)}

    def apply(self, images: Tensor, drawn: Sequence[Drawn]) -> Tensor:
        """Change images by the parameters of their samples."""
        return blur(images, **columns_of(drawn))
