"""The peer's side: Yucca's augmentations as AMAES composes them. Runs in the peer's environment, answers bench.py.

Ranges are those of asbjrnmunk/amaes at a51df88, ``src/augmentations/augmentation_composer.py``.
"""

import sys
import time
from collections.abc import Callable
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import numpy.typing as npt
import torch
from augmentation.parts import AFFINE, BASE, ELASTIC
from common import serve
from yucca.functional.transforms import (
    additive_noise,  # noqa: F401 - imported with the others, before any is timed
    augment_gamma,
    bias_field,
    blur,
    gibbs_ringing,
    motion_ghosting,
    spatial,
)
from yucca.functional.transforms.sampling import simulate_lowres
from yucca.modules.data.augmentation import transforms

Array = npt.NDArray[np.float32]

_PACKAGES = ("yucca", "numpy", "scipy", "scikit-image", "torch")
_CLIP = {"clip_to_input_range": True}
# With per-sample and per-channel probabilities of 1: how often they come is a matter of the expected cost.
_INTENSITY: dict[str, Callable[[], Any]] = {
    "additive_noise": lambda: transforms.AdditiveNoise(p_per_sample=1, sigma=(1e-3, 1e-4), **_CLIP),
    "blur": lambda: transforms.Blur(p_per_sample=1, p_per_channel=1, sigma=(0.0, 1.0), **_CLIP),
    "multiplicative_noise": lambda: transforms.MultiplicativeNoise(p_per_sample=1, sigma=(1e-3, 1e-4), **_CLIP),
    "motion_ghosting": lambda: transforms.MotionGhosting(
        p_per_sample=1, alpha=(0.85, 0.95), num_reps=(2, 11), axes=(0, 3), **_CLIP
    ),
    "gibbs_ringing": lambda: transforms.GibbsRinging(p_per_sample=1, cut_freq=(96, 129), axes=(0, 3), **_CLIP),
    "low_resolution": lambda: transforms.SimulateLowres(
        p_per_sample=1, p_per_channel=1, p_per_axis=0.33, zoom_range=(0.5, 1.0), **_CLIP
    ),
    "bias_field": lambda: transforms.BiasField(p_per_sample=1, **_CLIP),
    "gamma": lambda: transforms.Gamma(p_per_sample=1, p_invert_image=0.05, gamma_range=(0.5, 2.0), **_CLIP),
}


def cost(part: str, size: int, samples: int, seed: int) -> float:
    """Return the CPU seconds of one sample and one part; the copy for the target goes with what is always done."""
    np.random.seed(seed)  # noqa: NPY002 - Yucca draws from it
    source = source_of(size)
    if part in _INTENSITY:
        steps, image = [_INTENSITY[part]()], source[:, :, :size, :size, :size]
    else:
        steps, image = [_spatial(part, size)], source
    if part == BASE:
        steps.append(transforms.CopyImageToLabel(copy=True))
    seconds = 0.0
    for _ in range(samples):
        # Transforms write into what they are given.
        sample = {"image": image.copy()}
        start = time.process_time()
        for step in steps:
            sample = step(sample)
        seconds += time.process_time() - start
    return seconds / samples


def _spatial(part: str, size: int) -> Any:
    return transforms.Spatial(
        patch_size=(size,) * 3,
        crop=True,
        random_crop=False,
        cval="min",
        p_deform_per_sample=float(part == ELASTIC),
        deform_sigma=(20, 30),
        deform_alpha=(200, 600),
        p_rot_per_sample=float(part == AFFINE),
        p_rot_per_axis=0.66,
        x_rot_in_degrees=(-30.0, 30.0),
        y_rot_in_degrees=(-30.0, 30.0),
        z_rot_in_degrees=(-30.0, 30.0),
        p_scale_per_sample=float(part == AFFINE),
        scale_factor=(0.9, 1.1),
        skip_label=True,
        **_CLIP,
    )


@lru_cache(maxsize=1)
def source_of(size: int) -> Array:
    """Make a patch from 0 to 1 of which a third is background, as large as Yucca asks for."""
    side = int((2 * size**2) ** 0.5)
    source = np.random.default_rng(45).random((1, 1, side, side, side), np.float32)
    source[:, :, : side // 3] = 0
    return source


def apply(part: str, source: str, target: str, parameters: dict[str, Any]) -> None:
    """Apply one transform with given parameters to an image in a .npy file, by the function that does the work."""
    np.save(target, APPLY[part](np.load(source), parameters).astype(np.float32))


def _warp(image: Array, given: dict[str, Any]) -> Array:
    x, y, z = np.deg2rad(given["degrees"])
    warped, _ = spatial(
        image[None, None], (given["size"],) * 3, p_deform=0, p_rot=2, p_rot_per_axis=2, p_scale=2, alpha=0, sigma=0,
        x_rot=x, y_rot=y, z_rot=z, scale_factor=given["scale"], do_crop=True, random_crop=False,
        order={"linear": 1, "cubic": 3}[given["interpolation"]], **_CLIP,
    )  # fmt: skip
    return np.asarray(warped[0, 0])


def _ring(image: Array, given: dict[str, Any]) -> Array:
    # Yucca's axes 0 and 1 are each other's.
    axis = (1, 0, 2)[given["axis"]]
    return np.asarray(gibbs_ringing(image, round(given["kept_share"] * image.shape[0]), axis, **_CLIP))


def _shade(image: Array, given: dict[str, Any]) -> Array:
    centre = [int(place * size) for place, size in zip(given["centre"], image.shape, strict=True)]
    with mock.patch("numpy.random.randint", side_effect=centre):
        return np.asarray(bias_field(image, **_CLIP))


def _change_contrast(image: Array, given: dict[str, Any]) -> Array:
    """Call it as it is meant: AMAES passes 1 for the number that is there to prevent a division by zero."""
    with mock.patch("numpy.random.uniform", return_value=given["gamma"]):
        return np.asarray(augment_gamma(image, (0.5, 2.0), given["inverted"], epsilon=1e-7, per_channel=False, **_CLIP))


def _lower_resolution(image: Array, given: dict[str, Any]) -> Array:
    shape = [round(size * given["zoom"]) if axis in given["axes"] else size for axis, size in enumerate(image.shape)]
    return np.asarray(simulate_lowres(image, shape, **_CLIP))


APPLY: dict[str, Callable[[Array, dict[str, Any]], Array]] = {
    AFFINE: _warp,
    "blur": lambda image, given: np.asarray(blur(image, given["sigma_voxels"], **_CLIP)),
    "motion_ghosting": lambda image, given: np.asarray(
        motion_ghosting(image, given["strength"], given["repetitions"], given["axis"], **_CLIP)
    ),
    "gibbs_ringing": _ring,
    "low_resolution": _lower_resolution,
    "bias_field": _shade,
    "gamma": _change_contrast,
}


def versions() -> dict[str, str]:
    """Return the versions of the peer and of what it calls."""
    return {package: version(package) for package in _PACKAGES}


if __name__ == "__main__":
    torch.set_num_threads(1)
    serve({"cost": cost, "apply": apply, "versions": versions})
