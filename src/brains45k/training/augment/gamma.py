"""Gamma: another contrast between dark and bright."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from brains45k.training.augment import draws
from brains45k.training.augment.draws import Range
from brains45k.training.augment.rows import column, range_of
from brains45k.training.augment.transform import Drawn, columns_of

# A constant image has no range to divide by; it stays as it is.
_LEAST_RANGE = 1e-7


def change_contrast(images: Tensor, *, gamma: Sequence[float], inverted: Sequence[bool]) -> Tensor:
    """Raise each image, as a share of its own range, to a power.

    Parameters
    ----------
    images : torch.Tensor
        (n, 1, x, y, z), float32.
    gamma : sequence of float
        The power; above 1 darkens, 1 changes nothing.
    inverted : sequence of bool
        Whether the image is turned into its negative before and back after: then the bright end is spread.
    """
    low, high = range_of(images)
    negative = column([float(flag) for flag in inverted], images)
    # Distances from the dark end, or from the bright end, as a share of the range.
    end = torch.lerp(low, high, negative)
    span = (high - low) * (1 - 2 * negative)
    share = (images - end).div_(span.where(high - low > _LEAST_RANGE, _LEAST_RANGE))
    changed = share.clamp_(0, 1).pow_(column(gamma, images)).mul_(span).add_(end)
    return changed.clamp_(low, high)


@dataclass(frozen=True, slots=True)
class Gamma:
    """How often the contrast changes, and how much.

    Attributes
    ----------
    probability : float
        Of a sample.
    inverted_probability : float
        That the negative is changed instead of the image.
    gamma : tuple of float
        Range of the power; below and above 1 are equally likely.
    """

    probability: float
    inverted_probability: float
    gamma: Range
    name: ClassVar[str] = "gamma"

    def draw(self, random: np.random.Generator) -> Drawn | None:
        """Draw one sample's parameters; None leaves it as it is."""
        if not draws.happens(random, self.probability):
            return None
        low, high = self.gamma
        bounds = (low, 1.0) if draws.happens(random, 0.5) else (1.0, high)
        return {"gamma": draws.uniform(random, bounds), "inverted": draws.happens(random, self.inverted_probability)}

    def apply(self, images: Tensor, drawn: Sequence[Drawn]) -> Tensor:
        """Change images by the parameters of their samples."""
        return change_contrast(images, **columns_of(drawn))
