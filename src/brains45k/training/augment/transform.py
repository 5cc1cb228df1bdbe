"""What an intensity transform is: plain data that draws parameters on the host, and a function that uses them."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from torch import Tensor

#: One sample's parameters by name.
Drawn = dict[str, Any]


class Intensity(Protocol):
    """How often a transform comes and how strong it is."""

    @property
    def name(self) -> str:
        """Purpose of its random numbers."""

    def draw(self, random: np.random.Generator) -> Drawn | None:
        """Draw one sample's parameters; None leaves it as it is."""

    def apply(self, images: Tensor, drawn: Sequence[Drawn]) -> Tensor:
        """Return images (n, 1, x, y, z) changed by the parameters of n samples."""


def columns_of(drawn: Sequence[Drawn]) -> dict[str, list[Any]]:
    """Turn the parameters of some samples into one list for each name."""
    return {name: [one[name] for one in drawn] for name in drawn[0]}
