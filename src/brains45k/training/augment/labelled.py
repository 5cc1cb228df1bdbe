"""Augment images of several channels together with their label maps, as finetuning sees them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from brains45k.errors import CallError
from brains45k.training.augment.draws import Keys, host_keys, stream
from brains45k.training.augment.pipeline import change, exact_float32, require_interpolation
from brains45k.training.augment.preset import find_preset
from brains45k.training.augment.spatial import Spatial, warp_labelled
from brains45k.training.augment.transform import Intensity

_AXES = 5


class Labelled(NamedTuple):
    """A batch with its labels.

    Attributes
    ----------
    image : torch.Tensor
        (N, C, S, S, S), float32.
    label : torch.Tensor
        (N, S, S, S), uint8.
    """

    image: Tensor
    label: Tensor


def augment_labelled(batch: Labelled, keys: Keys, *, preset: str, interpolation: str = "linear") -> Labelled:
    """Augment a batch on its device.

    One warp moves all channels of a sample and its label map; labels are those of the nearest voxels. The source is
    the patch itself, as in ``train.py`` of AMAES (asbjrnmunk/amaes at a51df88) and other than in pretraining: where a
    rotation pulls in what lies outside of it, there is the channel's smallest voxel and the label 0. Intensities
    change in each channel on its own. What happens to a sample is a function of its voxels, its key, the preset and
    the kind of device alone; nothing waits for the device, and no gradient is tracked.

    The reference reads a warped image by a cubic spline, and keeps no range; here the default is linear, and what is
    read stays in the channel's range.

    Parameters
    ----------
    batch : Labelled
        Not negative; it stays as it is.
    keys : sequence of int
        (N,), not negative, on the host.
    preset : str
        Name of a preset.
    interpolation : {"linear", "cubic"}
        How channels of warped samples are read.

    Returns
    -------
    Labelled
        Two new tensors.

    Raises
    ------
    CallError
        If shapes or types are others, or a name is unknown.
    """
    chosen, numbers = find_preset(preset), host_keys(keys)
    _require(batch, numbers, interpolation)
    with exact_float32(batch.image.device):
        placed = _place(batch, chosen.spatial, numbers, interpolation)
        channels = placed.image.view(-1, 1, *placed.image.shape[2:])
        for transform in chosen.intensity:
            change(channels, transform, _streams(transform, numbers, batch.image.shape[1]))
    return placed


def _place(batch: Labelled, spatial: Spatial | None, keys: Sequence[int], interpolation: str) -> Labelled:
    """Warp the samples that draw it, and copy the others."""
    placed = Labelled(
        torch.empty_like(batch.image, memory_format=torch.contiguous_format),
        torch.empty_like(batch.label, memory_format=torch.contiguous_format),
    )
    size_voxels = batch.label.shape[-1]
    for image, label, result, result_label, key in zip(*batch, *placed, keys, strict=True):
        how = None if spatial is None else spatial.draw(stream(key, spatial.name), size_voxels=size_voxels)
        if how is None:
            result.copy_(image)
            result_label.copy_(label)
        else:
            warp_labelled(image, label, how, out=result, out_label=result_label, interpolation=interpolation)
    return placed


def _streams(transform: Intensity, keys: Sequence[int], channels: int) -> list[np.random.Generator]:
    """Return the random numbers of each channel of each sample; the first channel's are those of pretraining."""
    purposes = [transform.name, *(f"{transform.name}.{channel}" for channel in range(1, channels))]
    return [stream(key, purpose) for key in keys for purpose in purposes]


def _require(batch: Labelled, keys: Sequence[int], interpolation: str) -> None:
    image, label = batch
    whole = image.dim() == _AXES and len(set(image.shape[2:])) == 1
    if not whole or image.dtype != torch.float32 or label.shape != (len(keys), *image.shape[2:]):
        found = f"{tuple(image.shape)} {image.dtype} with labels {tuple(label.shape)}"
        msg = f"patches are {found}; {len(keys)} keys ask for (N, C, S, S, S) torch.float32 and (N, S, S, S)"
        raise CallError(msg)
    require_interpolation(interpolation)
