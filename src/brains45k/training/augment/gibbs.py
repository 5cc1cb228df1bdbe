"""Gibbs ringing: an image whose highest frequencies along one axis were never recorded."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from torch import Tensor

from brains45k.training.augment import draws
from brains45k.training.augment.kspace import Weights, weight_rows
from brains45k.training.augment.rows import clip_to_range
from brains45k.training.augment.transform import Drawn, columns_of


def ring(images: Tensor, *, kept_share: Sequence[float], axis: Sequence[int]) -> Tensor:
    """Cut the highest frequencies of an axis off.

    Parameters
    ----------
    images : torch.Tensor
        (n, 1, x, y, z), float32, not negative.
    kept_share : sequence of float
        Share of the axis's frequencies that stay, above 0; 1 and more changes nothing.
    axis : sequence of int
        0, 1 or 2.
    """
    weights = [window(images.shape[2 + along], share) for share, along in zip(kept_share, axis, strict=True)]
    return clip_to_range(weight_rows(images, weights, list(axis)), images)


def window(size: int, kept_share: float) -> Weights:
    """Return 1 for each frequency that stays and 0 for the others.

    As many lines as a scanner would record: an even number, from the negative half on, as Yucca has it.
    """
    half = math.ceil(round(kept_share * size) / 2)
    frequencies = np.fft.fftfreq(size, 1 / size)
    return np.where((frequencies >= -half) & (frequencies < half), 1.0, 0.0)


@dataclass(frozen=True, slots=True)
class GibbsRinging:
    """How often an image rings, and how much.

    Attributes
    ----------
    probability : float
        Of a sample.
    kept_lines : tuple of int
        Range of the frequencies that stay of ``of_lines``, both ends included.
    of_lines : int
        Size for which they were chosen; on other sizes the same share stays.
    """

    probability: float
    kept_lines: tuple[int, int]
    of_lines: int
    name: ClassVar[str] = "gibbs_ringing"

    def draw(self, random: np.random.Generator) -> Drawn | None:
        """Draw one sample's parameters; None leaves it as it is."""
        if not draws.happens(random, self.probability):
            return None
        return {
            "kept_share": draws.whole(random, self.kept_lines) / self.of_lines,
            "axis": draws.axis(random),
        }

    def apply(self, images: Tensor, drawn: Sequence[Drawn]) -> Tensor:
        """Change images by the parameters of their samples."""
        return ring(images, **columns_of(drawn))
