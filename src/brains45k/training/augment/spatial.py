"""Elastic deformation, rotation and scaling, in one interpolation."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from brains45k.training.augment import draws
from brains45k.training.augment.draws import Range
from brains45k.training.augment.elastic import Elastic, cell_weights, draw_elastic
from brains45k.training.augment.lookup import pull_inside, read_cubic, read_linear, read_nearest, spline_coefficients
from brains45k.training.augment.rows import to_device

_AXES = 3
# What a CPU computes at once fits its caches; an accelerator takes the whole image.
_CPU_BLOCK_VOXELS = 1 << 16


@dataclass(frozen=True, slots=True, eq=False)
class Warp:
    """Where the voxels of a sample come from.

    Attributes
    ----------
    matrix : numpy.ndarray
        (3, 3): from a voxel of the result to a place in the source, both counted from their images' centres.
    elastic : Elastic, optional
        What moves voxels before the matrix is applied.
    """

    matrix: npt.NDArray[np.float64]
    elastic: Elastic | None = None


def warp(source: Tensor, how: Warp, *, out: Tensor, interpolation: str) -> None:
    """Deform, rotate and scale an image about its centre.

    Outside the source lies its smallest voxel, and no value leaves the source's range, as in Yucca's ``spatial`` with
    ``cval="min"`` and ``clip_to_input_range``.

    Parameters
    ----------
    source : torch.Tensor
        (C, C, C), float32.
    how : Warp
        Where voxels come from.
    out : torch.Tensor
        (S, S, S): takes the result.
    interpolation : {"linear", "cubic"}
        How to read between voxels.
    """
    _warp_together([_image(source, interpolation)], how, out=[out])


def warp_labelled(
    channels: Tensor, label: Tensor, how: Warp, *, out: Tensor, out_label: Tensor, interpolation: str
) -> None:
    """Deform, rotate and scale the channels of an image and their label map alike; see :func:`warp`.

    Outside the source lies each channel's smallest voxel and the label 0. Labels are those of the nearest voxels.

    Parameters
    ----------
    channels : torch.Tensor
        (channel, C, C, C), float32.
    label : torch.Tensor
        (C, C, C), uint8.
    how : Warp
        Where voxels come from.
    out, out_label : torch.Tensor
        (channel, S, S, S) and (S, S, S): take the results.
    interpolation : {"linear", "cubic"}
        How to read the channels between voxels.
    """
    tables = [_image(channel, interpolation) for channel in channels]
    _warp_together([*tables, _label(label)], how, out=[*out, out_label])


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """What a warp reads.

    Attributes
    ----------
    source : torch.Tensor
        (C, C, C).
    read : callable
        From places inside the source, which it may overwrite, to its values there.
    outside : torch.Tensor
        The value beyond the source, a scalar.
    """

    source: Tensor
    read: Callable[[Sequence[Tensor]], Tensor]
    outside: Tensor


def _image(source: Tensor, interpolation: str) -> _Table:
    source = source.contiguous()
    low, high = torch.aminmax(source)
    table, read = (source, read_linear) if interpolation == "linear" else (spline_coefficients(source), read_cubic)
    return _Table(source, lambda places: read(table, places).clamp_(low, high), low)


def _label(source: Tensor) -> _Table:
    return _Table(source, partial(read_nearest, source.contiguous()), source.new_zeros(()))


def _warp_together(tables: Sequence[_Table], how: Warp, *, out: Sequence[Tensor]) -> None:
    """Read tables of one size at the same places, which are computed once."""
    source = tables[0].source
    for planes, places in _places(source, how, size_voxels=len(out[0])):
        outside = pull_inside(places, source.shape)
        for table, result in zip(tables, out, strict=True):
            # The last one may overwrite them.
            own = places if table is tables[-1] else [place.clone() for place in places]
            # Not masked_fill, which would wait for the device to read the value.
            torch.where(outside, table.outside, table.read(own), out=result[planes])


def centre_of(source: Tensor, size_voxels: int) -> Tensor:
    """Return the middle of an image (C, C, C) as it is, half a voxel off the centre if C - S is odd."""
    inside = [slice((size - size_voxels) // 2, (size + size_voxels) // 2) for size in source.shape]
    return source[tuple(inside)]


def _places(source: Tensor, how: Warp, *, size_voxels: int) -> Iterator[tuple[slice, list[Tensor]]]:
    """Yield blocks of planes of the result, and x, y and z in the source of each of their voxels."""
    steps = np.arange(size_voxels) - (size_voxels - 1) / 2
    along_x, along_y, along_z = (to_device(np.outer(unit, steps), source.device) for unit in how.matrix.T)
    across = along_y[:, :, None] + along_z[:, None] + (source.shape[0] - 1) / 2
    bent = None if how.elastic is None else _bend(how.matrix, how.elastic, size_voxels, source.device)
    for planes in _blocks(size_voxels, source.device):
        places = [x[planes, None, None] + yz for x, yz in zip(along_x, across, strict=True)]
        if bent is not None:
            lines, weights = bent
            for place, line in zip(places, lines, strict=True):
                place.view(-1, size_voxels).addmm_(line[planes].flatten(0, 1), weights)
        yield planes, places


def _bend(
    matrix: npt.NDArray[np.float64], elastic: Elastic, size_voxels: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Return factors whose product is the displacement in the source: (3, S, S, cells) and (cells, S)."""
    weights = to_device(cell_weights(size_voxels, elastic.sigma_voxels), device)
    # Turned and scaled while there are few numbers: what comes after is the same for each axis.
    cells = to_device(np.tensordot(matrix, elastic.cells, axes=1), device)
    return torch.einsum("dabc,xa,yb->dxyc", cells, weights, weights).contiguous(), weights.T


def _blocks(size_voxels: int, device: torch.device) -> Iterator[slice]:
    planes = max(_CPU_BLOCK_VOXELS // size_voxels**2, 1) if device.type == "cpu" else size_voxels
    for first in range(0, size_voxels, planes):
        yield slice(first, min(first + planes, size_voxels))


def rotation(degrees: Sequence[float]) -> npt.NDArray[np.float64]:
    """Return the rotation about x, then y, then z, as Yucca multiplies them: (3, 3), applied to rows."""
    turned = np.eye(_AXES)
    for axis, angle in enumerate(degrees):
        cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(angle))
        first, second = (axis + 1) % _AXES, (axis + 2) % _AXES
        about = np.eye(_AXES)
        about[first, first] = about[second, second] = cosine
        about[first, second], about[second, first] = -sine, sine
        turned = turned @ about
    return turned


@dataclass(frozen=True, slots=True)
class Spatial:
    """How often a sample is deformed, rotated and scaled, and how much.

    Attributes
    ----------
    elastic_probability, rotation_probability, scale_probability : float
        Of a sample, each by itself.
    elastic_sigma_voxels, elastic_alpha : tuple of float
        Ranges of the Gaussian's width, and of the factor on the noise under it.
    axis_probability : float
        Of each axis to be turned about, once a sample is to be rotated.
    rotation_degrees : tuple of float
        Range of each axis's angle.
    scale : tuple of float
        Range of the factor on places: below 1 the head grows.
    """

    elastic_probability: float
    elastic_sigma_voxels: Range
    elastic_alpha: Range
    rotation_probability: float
    axis_probability: float
    rotation_degrees: Range
    scale_probability: float
    scale: Range
    name: ClassVar[str] = "spatial"

    def draw(self, random: np.random.Generator, *, size_voxels: int) -> Warp | None:
        """Draw how one sample is warped; None leaves it as it is.

        Parameters
        ----------
        size_voxels : int
            Side of the patch that the sample becomes.
        """
        elastic = self._draw_elastic(random, size_voxels) if draws.happens(random, self.elastic_probability) else None
        matrix = np.eye(_AXES)
        if draws.happens(random, self.rotation_probability):
            matrix = rotation(self._draw_degrees(random)).T
        if draws.happens(random, self.scale_probability):
            matrix = matrix * draws.uniform(random, self.scale)
        # A rotation about no axis is none.
        return None if elastic is None and np.array_equal(matrix, np.eye(_AXES)) else Warp(matrix, elastic)

    def _draw_elastic(self, random: np.random.Generator, size_voxels: int) -> Elastic:
        sigma, alpha = draws.uniform(random, self.elastic_sigma_voxels), draws.uniform(random, self.elastic_alpha)
        return draw_elastic(random, size_voxels=size_voxels, sigma_voxels=sigma, alpha=alpha)

    def _draw_degrees(self, random: np.random.Generator) -> list[float]:
        return [
            draws.uniform(random, self.rotation_degrees) if draws.happens(random, self.axis_probability) else 0.0
            for _ in range(_AXES)
        ]
