"""Our side: augment batches, all or one part at a time. Runs in a process of its own and answers bench.py."""

import sys
import time
from dataclasses import fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch
from augmentation.parts import AFFINE, ELASTIC
from common import serve, versions_of

from brains45k.training.augment import PRESETS, augment, source_size_voxels
from brains45k.training.augment.preset import Preset
from brains45k.training.augment.spatial import Warp, rotation, warp

_BENCH = "bench"


def cost(*, part: str, size: int, batch: int, samples: int, first_key: int, interpolation: str) -> float:
    """Return the CPU seconds of one sample.

    Parameters
    ----------
    part : str
        One of the parts that is always drawn while no other is, or ``all``: the preset as it is.
    size : int
        Side of the patch.
    batch : int
        Samples at once.
    samples : int
        How many are augmented, each with a key of its own.
    """
    PRESETS[_BENCH] = PRESETS["all"] if part == "all" else only(part)
    patches = sources(batch, size)
    start = time.process_time()
    for key in range(first_key, first_key + samples, batch):
        augment(patches, range(key, key + batch), preset=_BENCH, size_voxels=size, interpolation=interpolation)
    return (time.process_time() - start) / samples


def only(part: str) -> Preset:
    """Return the preset with one part that is always drawn, and no other."""
    preset = PRESETS["all"]
    assert preset.spatial is not None  # noqa: S101 - it is not, in this preset
    spatial = replace(
        preset.spatial,
        elastic_probability=float(part == ELASTIC),
        rotation_probability=float(part == AFFINE),
        scale_probability=float(part == AFFINE),
    )
    return Preset(spatial, tuple(_certain(one, float(one.name == part)) for one in preset.intensity))


def _certain(transform: Any, probability: float) -> Any:
    """Set how often a transform comes to a sample, and to its channel where that is drawn too."""
    names = {field.name for field in fields(transform)} & {"probability", "channel_probability"}
    return replace(transform, **dict.fromkeys(names, probability))


@lru_cache(maxsize=2)
def sources(batch: int, size: int) -> torch.Tensor:
    """Make patches from 0 to 1 of which a third is background."""
    side = source_size_voxels("all", size)
    random = np.random.default_rng(45)
    patches = random.random((batch, 1, side, side, side), np.float32)
    patches[:, :, : side // 3] = 0
    return torch.from_numpy(patches)


def apply(part: str, source: str, target: str, parameters: dict[str, Any]) -> None:
    """Apply one transform with given parameters to an image in a .npy file."""
    image = torch.from_numpy(np.load(source))
    if part == AFFINE:
        size = parameters["size"]
        result = torch.empty(size, size, size)
        how = Warp(rotation(parameters["degrees"]).T * parameters["scale"])
        warp(image, how, out=result, interpolation=parameters["interpolation"])
    else:
        (transform,) = (one for one in PRESETS["all"].intensity if one.name == part)
        result = transform.apply(image[None, None], [parameters])[0, 0]
    np.save(target, result.numpy())


def versions() -> dict[str, str]:
    """Return the versions of what was measured."""
    return versions_of("brains45k", "torch", "numpy", "scipy")


if __name__ == "__main__":
    torch.set_num_threads(1)
    serve({"cost": cost, "apply": apply, "versions": versions})
