"""Noise: Gaussian errors that are added to an image, or that scale each of its voxels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from brains45k.training.augment import draws
from brains45k.training.augment.draws import Range
from brains45k.training.augment.rows import clip_to_range
from brains45k.training.augment.transform import Drawn, columns_of


def add_noise(images: Tensor, *, sigma: Sequence[float], seed: Sequence[int]) -> Tensor:
    """Add normal errors to each voxel (Yucca's AdditiveNoise with mean 0).

    Parameters
    ----------
    images : torch.Tensor
        (n, 1, x, y, z), float32.
    sigma : sequence of float
        Standard deviation of each row's errors, in units of intensity.
    seed : sequence of int
        Of each row's errors.
    """
    errors = _normal(images, sigma, seed)
    return clip_to_range(errors.add_(images), images)


def multiply_noise(images: Tensor, *, sigma: Sequence[float], seed: Sequence[int]) -> Tensor:
    """Multiply each voxel by 1 plus a normal error (Yucca's MultiplicativeNoise with mean 0); see :func:`add_noise`."""
    errors = _normal(images, sigma, seed)
    return clip_to_range(errors.mul_(images).add_(images), images)


def _normal(images: Tensor, sigma: Sequence[float], seed: Sequence[int]) -> Tensor:
    """Draw a field for each row by a generator of its own, so that rows know nothing of each other."""
    fields = torch.empty_like(images, memory_format=torch.contiguous_format)
    for field, deviation, number in zip(fields, sigma, seed, strict=True):
        field.normal_(0, deviation, generator=draws.device_generator(number, images.device))
    return fields


@dataclass(frozen=True, slots=True)
class _Noise:
    """How often noise comes, and how strong it is.

    Attributes
    ----------
    probability : float
        Of a sample.
    sigma : tuple of float
        Range of the standard deviation, in units of intensity.
    """

    probability: float
    sigma: Range

    def draw(self, random: np.random.Generator) -> Drawn | None:
        """Draw one sample's parameters; None leaves it as it is."""
        if not draws.happens(random, self.probability):
            return None
        return {"sigma": draws.uniform(random, self.sigma), "seed": draws.seed(random)}


@dataclass(frozen=True, slots=True)
class AdditiveNoise(_Noise):
    """How often noise is added, and how strong it is."""

    name: ClassVar[str] = "additive_noise"

    def apply(self, images: Tensor, drawn: Sequence[Drawn]) -> Tensor:
        """Change images by the parameters of their samples."""
        return add_noise(images, **columns_of(drawn))


@dataclass(frozen=True, slots=True)
class MultiplicativeNoise(_Noise):
    """How often voxels are multiplied by noise, and how strong it is."""

    name: ClassVar[str] = "multiplicative_noise"

    def apply(self, images: Tensor, drawn: Sequence[Drawn]) -> Tensor:
        """Change images by the parameters of their samples."""
        return multiply_noise(images, **columns_of(drawn))
