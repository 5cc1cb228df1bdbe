"""Masking: hide a fixed share of an image's cubes, chosen at random, behind the background's value.

The method is that of AMAES (arXiv 2408.00640; asbjrnmunk/amaes at a51df88, ``src/utils/masking.py``).
"""

import numpy as np
import torch
from torch import Tensor

from brains45k.errors import CallError
from brains45k.training.augment.draws import Keys, host_keys, stream

#: Purpose of a mask's random numbers.
PURPOSE = "mask"

_AXES = 3


def draw_mask(
    keys: Keys,
    *,
    size_voxels: int,
    token_voxels: int = 4,
    ratio: float = 0.6,
    device: torch.device | str = "cpu",
) -> Tensor:
    """Draw which voxels of each sample are hidden.

    A sample's mask is a function of its key and of the three numbers alone, the same on each kind of device.

    Parameters
    ----------
    keys : sequence of int
        (N,), not negative, on the host.
    size_voxels : int
        Side S of the images.
    token_voxels : int
        Side of the cubes that are hidden or kept as a whole.
    ratio : float
        Share of the cubes that is hidden, from 0 to 1.
    device : torch.device or str
        Where the mask is wanted.

    Returns
    -------
    torch.Tensor
        (N, 1, S, S, S), bool, true where hidden.

    Raises
    ------
    CallError
        If cubes do not fill the image, or the ratio is no share.

    Examples
    --------
    >>> draw_mask([45], size_voxels=32, ratio=0.6).sum().item() // 4**3
    308
    """
    tokens = count_tokens(size_voxels, token_voxels=token_voxels)
    noise = [stream(key, PURPOSE).standard_normal(tokens, np.float32) for key in host_keys(keys)]
    stacked = torch.from_numpy(np.stack(noise) if noise else np.empty((0, tokens), np.float32))
    return random_mask(stacked.to(device, non_blocking=True), token_voxels=token_voxels, ratio=ratio)


def random_mask(noise: Tensor, *, token_voxels: int, ratio: float) -> Tensor:
    """Hide all cubes but those of the smallest noise.

    Parameters
    ----------
    noise : torch.Tensor
        (N, L): one number for each cube, in C order of x, y, z. L is the cube of a whole number.
    token_voxels : int
        Side of a cube.
    ratio : float
        Share of the cubes that is hidden, from 0 to 1; the number that is kept is rounded down.

    Returns
    -------
    torch.Tensor
        (N, 1, S, S, S), bool, true where hidden.

    Raises
    ------
    CallError
        If L is no cube, or the ratio is no share.
    """
    count, tokens = noise.shape
    side = round(tokens ** (1 / _AXES))
    if side**_AXES != tokens:
        msg = f"{tokens} tokens fill no cube: the image has to be as long along each axis"
        raise CallError(msg)
    kept = noise.argsort(dim=1, stable=True)[:, : count_kept(tokens, ratio=ratio)]
    hidden = torch.ones_like(noise, dtype=torch.bool).scatter_(1, kept, value=False)
    return _enlarge(hidden.view(count, side, side, side), token_voxels)


def mask_voxels(images: Tensor, mask: Tensor) -> Tensor:
    """Return images (N, channels, S, S, S) with 0, the background's value, where a mask (N, 1, S, S, S) is true."""
    return images.masked_fill(mask, 0)


def count_tokens(size_voxels: int, *, token_voxels: int) -> int:
    """Return the number L of cubes in an image.

    Raises
    ------
    CallError
        If cubes do not fill it.
    """
    if token_voxels < 1 or size_voxels < 1 or size_voxels % token_voxels:
        msg = f"tokens of {token_voxels} voxels do not fill a patch of {size_voxels}: choose a divisor of it"
        raise CallError(msg)
    return int((size_voxels // token_voxels) ** _AXES)


def count_kept(tokens: int, *, ratio: float) -> int:
    """Return how many of the cubes stay visible, rounded down as in the reference.

    Raises
    ------
    CallError
        If the ratio is no share.
    """
    if not 0 <= ratio <= 1:
        msg = f"the mask's ratio is {ratio}: choose a share from 0 to 1"
        raise CallError(msg)
    return int(tokens * (1 - ratio))


def _enlarge(hidden: Tensor, token_voxels: int) -> Tensor:
    """Repeat each element of (N, t, t, t) along all three axes, and add the axis of channels."""
    count, side = hidden.shape[:2]
    size = side * token_voxels
    cubes = hidden.view(count, 1, side, 1, side, 1, side, 1)
    repeated = cubes.expand(-1, -1, -1, token_voxels, -1, token_voxels, -1, token_voxels)
    return repeated.reshape(count, 1, size, size, size)
