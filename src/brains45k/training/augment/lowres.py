"""Simulated low resolution: an image that was sampled more coarsely along some axes."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from scipy.ndimage import zoom as scipy_zoom
from torch import Tensor

from brains45k.training.augment import draws
from brains45k.training.augment.axes import Matrix, apply_matrix
from brains45k.training.augment.draws import Range
from brains45k.training.augment.rows import clip_to_range
from brains45k.training.augment.transform import Drawn, columns_of

_AXES = 3


def lower_resolution(images: Tensor, *, zoom: Sequence[float], axes: Sequence[Sequence[int]]) -> Tensor:
    """Sample some axes more coarsely by the nearest voxel, and bring them back by a cubic spline.

    Each step is scikit-image's ``resize`` without anti-aliasing (orders 0 and 3, edges repeated), which Yucca calls.

    Parameters
    ----------
    images : torch.Tensor
        (n, 1, x, y, z), float32.
    zoom : sequence of float
        Voxels of the coarse grid for each of the fine one, in (0, 1].
    axes : sequence of sequence of int
        Which axes of each row.
    """
    rows = zip(images, zoom, axes, strict=True)
    return torch.stack([_lower_one(image, share, which) for image, share, which in rows])


def _lower_one(image: Tensor, zoom: float, axes: Sequence[int]) -> Tensor:
    coarse = image
    for axis in axes:
        coarse = coarse.index_select(1 + axis, _positions(coarse.shape[1 + axis], zoom, image.device))
    fine = coarse[0]
    for axis in axes:
        fine = apply_matrix(fine, spline_matrix(image.shape[1 + axis], fine.shape[axis]), axis)
    # What the spline may not exceed is the range of the coarse image.
    return clip_to_range(fine[None, None], coarse[None])[0]


def coarse_size(size: int, zoom: float) -> int:
    """Return the number of voxels of the coarse axis."""
    return max(round(size * zoom), 1)


def nearest_positions(size: int, coarse: int) -> npt.NDArray[np.int64]:
    """Return which voxel of an axis lies nearest to each of the coarse one, edges of the field aligned."""
    return np.floor((np.arange(coarse) + 0.5) * size / coarse).astype(np.int64)


@lru_cache(maxsize=256)
def spline_matrix(size: int, coarse: int) -> Matrix:
    """Return the way back as a matrix (size, coarse): what SciPy makes of the coarse axis's unit vectors."""
    return np.asarray(scipy_zoom(np.eye(coarse), (size / coarse, 1), order=3, mode="nearest", grid_mode=True))


def _positions(size: int, zoom: float, device: torch.device) -> Tensor:
    positions = torch.from_numpy(nearest_positions(size, coarse_size(size, zoom)))
    return positions.to(device, non_blocking=True)


@dataclass(frozen=True, slots=True)
class LowResolution:
    """How often an image loses resolution, and how much.

    Attributes
    ----------
    probability, channel_probability, axis_probability : float
        Of a sample, then of its channel, then of each axis.
    zoom : tuple of float
        Range of the coarse grid's size as a share of the fine one's.
    """

    probability: float
    channel_probability: float
    axis_probability: float
    zoom: Range
    name: ClassVar[str] = "low_resolution"

    def draw(self, random: np.random.Generator) -> Drawn | None:
        """Draw one sample's parameters; None leaves it as it is."""
        if not (draws.happens(random, self.probability) and draws.happens(random, self.channel_probability)):
            return None
        zoom = draws.uniform(random, self.zoom)
        axes = [axis for axis in range(_AXES) if draws.happens(random, self.axis_probability)]
        return {"zoom": zoom, "axes": axes} if axes else None

    def apply(self, images: Tensor, drawn: Sequence[Drawn]) -> Tensor:
        """Change images by the parameters of their samples."""
        return lower_resolution(images, **columns_of(drawn))
