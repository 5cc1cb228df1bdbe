"""Motion ghosting: faint copies of the head along one axis, as periodic motion leaves them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from torch import Tensor

from brains45k.training.augment import draws
from brains45k.training.augment.draws import Range
from brains45k.training.augment.kspace import Weights, weight_rows
from brains45k.training.augment.rows import clip_to_range
from brains45k.training.augment.transform import Drawn, columns_of


def add_ghosts(images: Tensor, *, strength: Sequence[float], repetitions: Sequence[int], axis: Sequence[int]) -> Tensor:
    """Scale every n-th frequency of an axis, which leaves n - 1 copies at distances of 1 / n of the axis.

    Parameters
    ----------
    images : torch.Tensor
        (n, 1, x, y, z), float32, not negative.
    strength : sequence of float
        Factor on the frequencies; 1 changes nothing. Yucca's ``alpha``.
    repetitions : sequence of int
        Which frequencies: 0, n, 2n and so on. Yucca's ``num_reps``.
    axis : sequence of int
        0, 1 or 2.
    """
    weights = [
        comb(images.shape[2 + along], factor, step)
        for factor, step, along in zip(strength, repetitions, axis, strict=True)
    ]
    return clip_to_range(weight_rows(images, weights, list(axis)), images)


def comb(size: int, strength: float, repetitions: int) -> Weights:
    """Return the weight of each frequency."""
    weights = np.ones(size)
    weights[::repetitions] = strength
    return weights


@dataclass(frozen=True, slots=True)
class MotionGhosting:
    """How often ghosts come, and which.

    Attributes
    ----------
    probability : float
        Of a sample.
    strength : tuple of float
        Range of the factor on the frequencies.
    repetitions : tuple of int
        Range of the distance between scaled frequencies, both ends included.
    """

    probability: float
    strength: Range
    repetitions: tuple[int, int]
    name: ClassVar[str] = "motion_ghosting"

    def draw(self, random: np.random.Generator) -> Drawn | None:
        """Draw one sample's parameters; None leaves it as it is."""
        if not draws.happens(random, self.probability):
            return None
        return {
            "strength": draws.uniform(random, self.strength),
            "repetitions": draws.whole(random, self.repetitions),
            "axis": draws.axis(random),
        }

    def apply(self, images: Tensor, drawn: Sequence[Drawn]) -> Tensor:
        """Change images by the parameters of their samples."""
        return add_ghosts(images, **columns_of(drawn))
