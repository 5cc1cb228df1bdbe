"""Predict a whole image window by window, in memory that the size of a window and of the image bound.

Beside the image and the network, a prediction holds at most ``4 * (K + 2) * V`` bytes on the CPU for K classes, the
background and the sum of the weights, where V counts the voxels of the image, or along axes that are shorter than a
window those of the window; another ``4 * C * V`` for the padded image of C channels where there is such an axis; and
what the network needs for ``batch_size`` windows. On a GPU there are only the network and its windows.

AMAES (a51df88, Yucca 1.1.7) sums the logits of overlapping windows with equal weights. Here they are averaged with
Gaussian weights, by MONAI: the middle of a window has seen more around it than its border. Logits are kept, as there.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from monai.inferers import sliding_window_inference
from torch import Tensor, nn

from brains45k.progress import open_bar

_AXES = (2, 3, 4)
_FLIPS = tuple(axes for count in range(4) for axes in itertools.combinations(_AXES, count))


def predict_scores(
    network: nn.Module,
    image: Tensor,
    *,
    patch_size_voxels: int,
    overlap: float = 0.5,
    mirror: bool = False,
    device: torch.device | str = "cpu",
    batch_size: int = 1,
    progress: str | None = None,
) -> Tensor:
    """Return the logits of each class for each voxel of an image.

    On a GPU the network computes in bfloat16 where torch holds that safe, and what it gives is added up in float32.

    Parameters
    ----------
    network : torch.nn.Module
        On ``device``, in eval mode: (N, C, P, P, P) to a new tensor (N, K+1, P, P, P).
    image : torch.Tensor
        (C, X, Y, Z), float32, on the CPU, of any size; what a window misses of it is background, 0.
    patch_size_voxels : int
        P, the side of a window.
    overlap : float
        Share of a window's side that the next window covers too, from 0 to below 1.
    mirror : bool
        Average over the eight mirror images of each window: eight times the time, and no more memory for the image.
    device : torch.device or str
        Where the network is.
    batch_size : int
        Windows that the network computes at once.
    progress : str, optional
        What a progress bar over the windows is called; None draws none.

    Returns
    -------
    torch.Tensor
        (K+1, X, Y, Z), float32, on the CPU: the weighted means of the windows' logits.
    """
    target = torch.device(device)
    total = window_count(image.shape[1:], patch_size_voxels=patch_size_voxels, overlap=overlap)
    bar = open_bar(progress, unit="window", total=total) if progress is not None else None
    predict = _predictor(network, target, mirror=mirror, tell=bar.update if bar is not None else None)
    with torch.no_grad(), bar if bar is not None else nullcontext():
        scores: Tensor = sliding_window_inference(
            image[None],
            (patch_size_voxels,) * 3,
            batch_size,
            predict,
            overlap=overlap,
            mode="gaussian",
            padding_mode="constant",
            cval=0.0,
            sw_device=target,
            device=torch.device("cpu"),
        )
    return scores[0]


def window_count(shape: Sequence[int], *, patch_size_voxels: int, overlap: float) -> int:
    """Return how many windows cover an image.

    >>> window_count((182, 218, 128), patch_size_voxels=128, overlap=0.5)
    6
    """
    step_voxels = max(int(patch_size_voxels * (1 - overlap)), 1)
    return math.prod(math.ceil(max(length - patch_size_voxels, 0) / step_voxels) + 1 for length in shape)


def _predictor(
    network: nn.Module, device: torch.device, *, mirror: bool, tell: Callable[[int], object] | None
) -> Callable[[Tensor], Tensor]:
    """Bind what is done with a batch of windows (N, C, P, P, P)."""
    flips = _FLIPS if mirror else _FLIPS[:1]

    def predict(windows: Tensor) -> Tensor:
        with _precision(device):
            total: Tensor = network(windows).float()
            for axes in flips[1:]:
                total += network(windows.flip(axes)).flip(axes)
        if tell is not None:
            tell(len(windows))
        return total.div_(len(flips)) if mirror else total

    return predict


def _precision(device: torch.device) -> AbstractContextManager[object]:
    # bfloat16 on a CPU is slower than float32 on most of them.
    return torch.autocast("cuda", dtype=torch.bfloat16) if device.type == "cuda" else nullcontext()
