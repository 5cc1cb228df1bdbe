"""From a batch of source patches to what the network sees and what it is to reconstruct."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from brains45k.errors import CallError
from brains45k.training.augment.draws import Keys, host_keys, stream
from brains45k.training.augment.preset import find_preset
from brains45k.training.augment.rows import pick, row_groups
from brains45k.training.augment.spatial import Spatial, centre_of, warp
from brains45k.training.augment.transform import Intensity
from brains45k.training.sizes import warped_source_voxels

#: The ways to read between voxels where a sample is warped.
INTERPOLATIONS = ("linear", "cubic")


class Pair(NamedTuple):
    """A batch before masking.

    Attributes
    ----------
    image : torch.Tensor
        (N, 1, S, S, S): what the network is to see, once it is masked.
    target : torch.Tensor
        (N, 1, S, S, S): what it is to reconstruct, the image before its intensities were changed.
    """

    image: Tensor
    target: Tensor


def source_size_voxels(preset: str, size_voxels: int) -> int:
    """Return how large a source patch has to be, so that a rotated one is mostly filled.

    Parameters
    ----------
    preset : str
        Name of a preset.
    size_voxels : int
        Side S of the patch that the network sees.

    Returns
    -------
    int
        The diagonal of a face, rounded down, where samples may be warped; S elsewhere.

    Raises
    ------
    CallError
        If the preset is unknown.
    """
    return size_voxels if find_preset(preset).spatial is None else warped_source_voxels(size_voxels)


def augment(patches: Tensor, keys: Keys, *, preset: str, size_voxels: int, interpolation: str = "linear") -> Pair:
    """Augment a batch on its device.

    What happens to a sample is a function of its voxels, its key, the preset and the kind of device alone. A sample
    that is not warped is cut from the middle of its source as it is. Nothing here waits for the device, and no gradient
    is tracked.

    Parameters
    ----------
    patches : torch.Tensor
        (N, 1, C, C, C), float32, not negative; C as :func:`source_size_voxels` says. They stay as they are.
    keys : sequence of int
        (N,), not negative, on the host.
    preset : str
        Name of a preset.
    size_voxels : int
        Side S of the results.
    interpolation : {"linear", "cubic"}
        How warped samples are read; the reference's is cubic.

    Returns
    -------
    Pair
        Two new tensors.

    Raises
    ------
    CallError
        If the patches have another size or type, the keys another number, or a name is unknown.
    """
    chosen, numbers = find_preset(preset), host_keys(keys)
    _require(patches, numbers, source_size_voxels(preset, size_voxels), interpolation)
    with exact_float32(patches.device):
        target = _place(patches, chosen.spatial, numbers, size_voxels, interpolation)
        image = target.clone()
        for transform in chosen.intensity:
            change(image, transform, [stream(key, transform.name) for key in numbers])
    return Pair(image, target)


@contextmanager
def exact_float32(device: torch.device) -> Iterator[None]:
    """Compute products in float32 inside, whatever a training run has chosen for its network, and track no gradient.

    Voxels have twelve bits, bfloat16 has eight and TF32 eleven.
    """
    precision = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.autocast(device.type, enabled=False), torch.no_grad():
            yield
    finally:
        torch.set_float32_matmul_precision(precision)


def _place(
    patches: Tensor, spatial: Spatial | None, keys: Sequence[int], size_voxels: int, interpolation: str
) -> Tensor:
    """Warp or cut each source (N, 1, C, C, C) to (N, 1, S, S, S)."""
    placed = patches.new_empty((len(keys), 1, size_voxels, size_voxels, size_voxels))
    for source, result, key in zip(patches[:, 0], placed[:, 0], keys, strict=True):
        how = None if spatial is None else spatial.draw(stream(key, spatial.name), size_voxels=size_voxels)
        if how is None:
            result.copy_(centre_of(source, size_voxels))
        else:
            warp(source, how, out=result, interpolation=interpolation)
    return placed


def change(images: Tensor, transform: Intensity, streams: Sequence[np.random.Generator]) -> None:
    """Apply a transform, in place, to the rows that draw it.

    Parameters
    ----------
    images : torch.Tensor
        (N, 1, S, S, S).
    transform : Intensity
        What may happen to a row.
    streams : sequence of numpy.random.Generator
        The random numbers of each row.
    """
    drawn = [transform.draw(random) for random in streams]
    rows = [row for row, one in enumerate(drawn) if one is not None]
    for group in row_groups(rows, images.device):
        changed = transform.apply(pick(images, group), [one for row in group if (one := drawn[row]) is not None])
        for row, image in zip(group, changed, strict=True):
            images[row].copy_(image)


def _require(patches: Tensor, keys: Sequence[int], source_voxels: int, interpolation: str) -> None:
    shape = (len(keys), 1, *(source_voxels,) * 3)
    if patches.shape != shape or patches.dtype != torch.float32:
        found = f"{tuple(patches.shape)} {patches.dtype}"
        msg = f"patches are {found}; {len(keys)} keys and this preset ask for {shape} torch.float32"
        raise CallError(msg)
    require_interpolation(interpolation)


def require_interpolation(name: str) -> None:
    """Refuse an interpolation that does not exist.

    Raises
    ------
    CallError
        If it is none of :data:`INTERPOLATIONS`.
    """
    if name not in INTERPOLATIONS:
        msg = f"interpolation {name!r} is unknown: choose one of {', '.join(INTERPOLATIONS)}"
        raise CallError(msg)
