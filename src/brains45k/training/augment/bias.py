"""Bias field: the smooth shading of a receiver coil."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from torch import Tensor

from brains45k.training.augment import draws
from brains45k.training.augment.rows import clip_to_range, to_device
from brains45k.training.augment.transform import Drawn, columns_of

_AXES = 3


def shade(images: Tensor, *, centre: Sequence[Sequence[float]]) -> Tensor:
    """Multiply by 1 minus the squared distance from a centre, with each axis's length as its unit.

    The field reaches -2 opposite a centre that lies in a corner. Where it is negative, clipping to the image's range
    leaves its minimum: black.

    Parameters
    ----------
    images : torch.Tensor
        (n, 1, x, y, z), float32.
    centre : sequence of sequence of float
        x, y, z of each row's brightest place, as a share of the axes in [0, 1).
    """
    field = 1 - _squares(images, centre, 0)
    field = field - _squares(images, centre, 1)
    field = field - _squares(images, centre, 2)
    return clip_to_range(field.mul_(images), images)


def _squares(images: Tensor, centre: Sequence[Sequence[float]], axis: int) -> Tensor:
    """Return the squared distances along one axis, shaped to meet the images."""
    size = images.shape[2 + axis]
    # Centres are whole voxels.
    places = np.floor(np.array([one[axis] for one in centre]) * size)
    squares = ((np.arange(size) - places[:, None]) / size) ** 2
    shape = [len(places), 1, 1, 1, 1]
    shape[2 + axis] = size
    return to_device(squares, images.device).view(shape)


@dataclass(frozen=True, slots=True)
class BiasField:
    """How often an image is shaded.

    Attributes
    ----------
    probability : float
        Of a sample.
    """

    probability: float
    name: ClassVar[str] = "bias_field"

    def draw(self, random: np.random.Generator) -> Drawn | None:
        """Draw one sample's parameters; None leaves it as it is."""
        if not draws.happens(random, self.probability):
            return None
        return {"centre": tuple(float(place) for place in random.random(_AXES))}

    def apply(self, images: Tensor, drawn: Sequence[Drawn]) -> Tensor:
        """Change images by the parameters of their samples."""
        return shade(images, **columns_of(drawn))
