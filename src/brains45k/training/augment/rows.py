"""Rows of a batch: pick them, hand them numbers of their own, keep each in its range, never waiting for the device."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

_IMAGE_AXES = (1, 2, 3, 4)


def row_groups(rows: Sequence[int], device: torch.device) -> Iterator[list[int]]:
    """Split rows into those that are worked on together.

    An accelerator takes all at once. A CPU takes one by one: its caches hold one image, and the memory of larger arrays
    goes back to the system and is asked for anew at each operation.
    """
    together = 1 if device.type == "cpu" else max(len(rows), 1)
    for first in range(0, len(rows), together):
        yield list(rows[first : first + together])


def pick(images: Tensor, rows: Sequence[int]) -> Tensor:
    """Return some rows of a batch, without an index that the device would have to be given."""
    if len(rows) == 1:
        return images[rows[0] : rows[0] + 1]
    return torch.stack([images[row] for row in rows])


def to_device(values: npt.ArrayLike, device: torch.device) -> Tensor:
    """Send numbers to the device as float32, without waiting for what it still has to do."""
    return torch.from_numpy(np.ascontiguousarray(values, np.float32)).to(device, non_blocking=True)


def column(values: Sequence[float], images: Tensor) -> Tensor:
    """Return one number for each row, shaped to meet images (n, 1, x, y, z)."""
    return to_device(values, images.device).view(-1, 1, 1, 1, 1)


def range_of(images: Tensor) -> tuple[Tensor, Tensor]:
    """Return the smallest and the largest voxel of each row, shaped to meet the images."""
    return images.amin(_IMAGE_AXES, keepdim=True), images.amax(_IMAGE_AXES, keepdim=True)


def clip_to_range(changed: Tensor, images: Tensor) -> Tensor:
    """Clip images, in place, to the range that each had before it was changed."""
    low, high = range_of(images)
    return changed.clamp_(low, high)
